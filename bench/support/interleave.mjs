/** Runs benchmark cases in turn, so that disturbances of the machine affect all of them. */
import { setTimeout } from 'node:timers/promises'
import { ownSeconds } from './load.mjs'

/** The processes of the benchmark are idle if they use no processor for this many milliseconds. */
const QUIET = 40
/** Processor time in seconds that counts as idle: less than one tick of /proc. */
const NOTHING = 0.005
const MAX_QUIET_WAITS = 50

/** Waits until the threads of the previous case have stopped. Those of ONNX Runtime keep spinning after their work. */
async function untilQuiet(processes) {
  for (let i = 0; i < MAX_QUIET_WAITS; i++) {
    const before = ownSeconds(processes())
    await setTimeout(QUIET)
    if (ownSeconds(processes()) - before < NOTHING) return
  }
}

const median = numbers => {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * @param cases by name, each a function that does the work once and returns the seconds it took
 * @param warm seconds of each case in an earlier run, which give the number of rounds within `budget` seconds
 * @param first name of the case that the others are divided by
 * @param between called before each round
 * @param processes ids of other processes that do the work
 * @returns the median and the least of each case's seconds, and the median over rounds of each case's ratio to `first`
 */
export async function interleave(
  cases,
  warm,
  { budget, maxRounds = 9, first = 'native', between = undefined, processes = () => [] },
) {
  const names = Object.keys(cases)
  const round = names.reduce((sum, name) => sum + warm[name], 0)
  const rounds = Math.max(1, Math.min(maxRounds, Math.floor(budget / round)))
  const seconds = Object.fromEntries(names.map(name => [name, []]))
  for (let i = 0; i < rounds; i++) {
    between?.()
    for (const name of names) {
      await untilQuiet(processes)
      seconds[name].push(await cases[name]())
    }
  }
  return {
    rounds,
    seconds: Object.fromEntries(names.map(name => [name, median(seconds[name])])),
    fewestSeconds: Object.fromEntries(names.map(name => [name, Math.min(...seconds[name])])),
    ratios: Object.fromEntries(
      names
        .filter(name => name !== first)
        .map(name => [name, median(seconds[name].map((taken, i) => taken / seconds[first][i]))]),
    ),
  }
}

/** Measures the seconds that a function takes. */
export async function timed(body) {
  const start = performance.now()
  await body()
  return (performance.now() - start) / 1000
}
