/** One hot path of several engines: their results are compared first, then they are timed in turn. */
import { interleave } from './interleave.mjs'
import { watchLoad } from './load.mjs'
import { relativeDifference } from './workload.mjs'

/** How far a rival's result may lie from ours, relative to the largest number, before its time means nothing. */
export const TOLERANCE = 1e-3

/** Seconds from which on a first run is as good as any. */
const LONG = 2

/** A result as arrays by name: one array, or gradients. */
function arraysOf(result) {
  return result instanceof Map ? result : new Map([['result', result]])
}

/** ‖a − b‖ / ‖b‖ over all arrays together. A unit whose sum lies within rounding of zero has its ReLU's slope on one side or
 * the other: single small gradients then differ by thousandths between any two correct orders of summation, the whole does not. */
export function overallDifference(result, expected) {
  let [apart, norm] = [0, 0]
  for (const [name, array] of arraysOf(expected)) {
    const own = arraysOf(result).get(name)
    if (own?.length !== array.length) return Number.POSITIVE_INFINITY
    for (let i = 0; i < array.length; i++) {
      apart += (own[i] - array[i]) ** 2
      norm += array[i] ** 2
    }
  }
  return Math.sqrt(apart / norm)
}

export function differenceOf(result, expected) {
  let worst = 0
  for (const [name, array] of arraysOf(expected)) {
    const own = arraysOf(result).get(name)
    const difference = own === undefined ? Number.POSITIVE_INFINITY : relativeDifference(own, array)
    if (!(difference <= worst)) worst = difference
  }
  return worst
}

/**
 * @param engines by name: `method(workload)` gives seconds and leaves its `result`; the first is ours
 * @param method 'noise', 'synthesis' or 'training'
 * @param measure how far a result lies from ours
 * @returns seconds and ratios, the share of the machine that others took, and which rivals were left out and why
 */
export async function contest(engines, method, workload, { budget, resultOf, measure = differenceOf, log }) {
  const [first] = Object.keys(engines)
  const contestants = {}
  const warm = {}
  const left = {}
  let expected
  for (const [name, engine] of Object.entries(engines)) {
    try {
      warm[name] = await engine[method](workload)
      const result = resultOf === undefined ? engine.result : await resultOf(engine)
      if (name === first) expected = result
      const difference = measure(result, expected)
      if (!(difference < TOLERANCE)) {
        left[name] = `its result differs from ours by ${difference.toExponential(2)}, more than ${TOLERANCE}`
      } else {
        log?.(`${method}: ${name} equals ours within ${difference.toExponential(1)}`)
        contestants[name] = () => engine[method](workload)
      }
    } catch (error) {
      if (name === first) throw error
      left[name] = String(error.message).split('\n')[0]
    }
  }
  // The first run made memory and packed weights. Where that is most of it, a second one says how long it takes.
  for (const name of Object.keys(contestants)) {
    if (warm[name] < LONG) warm[name] = await contestants[name]()
  }
  const load = watchLoad(() => Object.values(engines).flatMap(engine => engine.process ?? []))
  const timed = await interleave(contestants, warm, { budget, first })
  return { ...timed, others: load.others(), left }
}
