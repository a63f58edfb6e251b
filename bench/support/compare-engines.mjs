/** Compares engines on one workload: first their results, then their times, in turn. */
import { interleave } from './interleave.mjs'
import { watchLoad } from './load.mjs'
import { relativeDifference } from './workload.mjs'

/** Maximum difference of a result to that of the native engine. Beyond it, the engine is considered wrong. */
export const TOLERANCE = 1e-3

/** A first run of at least this many seconds is representative, since the set-up no longer matters. */
const LONG_SECONDS = 2

/** Converts a result, which is one array or a map of gradients, to arrays by name. */
function arraysOf(result) {
  return result instanceof Map ? result : new Map([['result', result]])
}

/**
 * ‖a − b‖ / ‖b‖ over all arrays together. If a ReLU's input is within rounding of zero, its slope depends on the order
 * of summation. Single small gradients then differ by thousandths between two correct implementations; the norm does
 * not.
 */
export function overallDifference(result, expected) {
  let [difference, norm] = [0, 0]
  for (const [name, array] of arraysOf(expected)) {
    const own = arraysOf(result).get(name)
    if (own?.length !== array.length) return Number.POSITIVE_INFINITY
    for (let i = 0; i < array.length; i++) {
      difference += (own[i] - array[i]) ** 2
      norm += array[i] ** 2
    }
  }
  return Math.sqrt(difference / norm)
}

/** The largest relative difference over all arrays. */
export function maxDifference(result, expected) {
  let worst = 0
  for (const [name, array] of arraysOf(expected)) {
    const own = arraysOf(result).get(name)
    const difference = own === undefined ? Number.POSITIVE_INFINITY : relativeDifference(own, array)
    if (!(difference <= worst)) worst = difference
  }
  return worst
}

/**
 * @param engines by name; `method(workload)` returns seconds and sets `result`. The first one is the reference
 * @param method 'noise', 'synthesis' or 'training'
 * @param resultOf reads an engine's result
 * @param measure difference between two results
 * @param between called before each round
 * @returns seconds and ratios, the share of the machine that other processes used, and the reason for each engine left
 * out
 */
export async function compareEngines(
  engines,
  method,
  workload,
  { budget, resultOf, measure = maxDifference, log, between },
) {
  const [first] = Object.keys(engines)
  const cases = {}
  const warm = {}
  const leftOut = {}
  let expected
  for (const [name, engine] of Object.entries(engines)) {
    try {
      warm[name] = await engine[method](workload)
      const result = resultOf === undefined ? engine.result : await resultOf(engine)
      if (name === first) expected = result
      const difference = measure(result, expected)
      if (!(difference < TOLERANCE)) {
        leftOut[name] = `result differs from that of ${first} by ${difference.toExponential(2)}, more than ${TOLERANCE}`
      } else {
        log?.(`${method}: ${name} agrees with ${first} within ${difference.toExponential(1)}`)
        cases[name] = () => engine[method](workload)
      }
    } catch (error) {
      if (name === first) throw error
      leftOut[name] = String(error.message).split('\n')[0]
    }
  }
  // The first run allocates memory and packs weights. If it was short, a second one tells how long a run takes.
  for (const name of Object.keys(cases)) {
    if (warm[name] < LONG_SECONDS) warm[name] = await cases[name]()
  }
  const processes = () => Object.values(engines).flatMap(engine => engine.process ?? [])
  const load = watchLoad(processes)
  const timed = await interleave(cases, warm, { budget, first, between, processes })
  return { ...timed, othersShare: load.othersShare(), leftOut }
}
