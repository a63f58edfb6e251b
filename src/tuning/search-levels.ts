/**
 * Searches for good noise levels. The levels are log-SNRs ℓ_n = ln(ᾱ_n/(1 − ᾱ_n)), in descending order. One level at a
 * time is moved (coordinate descent), by golden-section search (Kiefer 1953, “Sequential minimax search for a maximum”)
 * between its neighbours, in a window that is halved after each sweep. Only moves that lower the objective are kept, so
 * the result is never worse than the start. The search is deterministic.
 */
import { logSnr, type NoiseSchedule, scheduleFromAlphaBars } from '../diffusion/schedule.js'

interface TuneLevelsRequest {
  /** The training schedule. Levels stay within its range of ᾱ. */
  readonly training: NoiseSchedule
  /** ᾱ to start from, descending. */
  readonly start: readonly number[]
  /** The value of the objective at the start. */
  readonly startValue: number
  /** The function to minimise. @param betas β of a schedule, cleanest first */
  readonly objective: (betas: readonly number[]) => Promise<number>
  /** Max number of calls of the objective. */
  readonly evaluations: number
}

interface TunedLevels {
  readonly betas: readonly number[]
  readonly value: number
  readonly evaluations: number
}

/** Calls per golden-section search: the window shrinks to 0.618³, a quarter. */
const CALLS_PER_LEVEL = 4
const GOLDEN = (Math.sqrt(5) - 1) / 2
/** Min distance between two levels, in log-SNR, so that no β is almost zero. */
const MIN_DISTANCE = 0.02
/** The search ends after a sweep that lowers the objective by less than this share. */
const MIN_GAIN = 1e-3

/** @throws what the objective throws */
export async function tuneLevels(request: TuneLevelsRequest): Promise<TunedLevels> {
  const { training, objective } = request
  const [cleanest, noisiest] = [logSnr(training.alphaBar[0]!), logSnr(training.alphaBar.at(-1)!)]
  const levels = request.start.map(logSnr)
  let best = request.startValue
  let calls = 0
  const valueWith = async (n: number, level: number): Promise<number> => {
    calls++
    return objective(betasOf(levels.with(n, level), training))
  }

  let window = (cleanest - noisiest) / Math.max(2, levels.length)
  for (let before = Number.POSITIVE_INFINITY; before - best > MIN_GAIN * best; window /= 2) {
    before = best
    // From the noisiest level, since the other passes continue from its result.
    for (let n = levels.length - 1; n >= 0; n--) {
      const above = n === 0 ? cleanest : levels[n - 1]! - MIN_DISTANCE
      const below = n === levels.length - 1 ? noisiest : levels[n + 1]! + MIN_DISTANCE
      const low = Math.max(below, levels[n]! - window)
      const high = Math.min(above, levels[n]! + window)
      if (!(high > low)) continue
      if (calls + CALLS_PER_LEVEL > request.evaluations) {
        return { betas: betasOf(levels, training), value: best, evaluations: calls }
      }
      const found = await goldenSection(low, high, level => valueWith(n, level))
      if (found.value < best) {
        best = found.value
        levels[n] = found.point
      }
    }
  }
  return { betas: betasOf(levels, training), value: best, evaluations: calls }
}

/** Searches for the minimum of a function between two points, with `CALLS_PER_LEVEL` calls. */
async function goldenSection(
  low: number,
  high: number,
  valueAt: (point: number) => Promise<number>,
): Promise<{ readonly point: number; readonly value: number }> {
  let left = high - GOLDEN * (high - low)
  let right = low + GOLDEN * (high - low)
  let leftValue = await valueAt(left)
  let rightValue = await valueAt(right)
  for (let calls = 2; calls < CALLS_PER_LEVEL; calls++) {
    if (leftValue <= rightValue) {
      high = right
      right = left
      rightValue = leftValue
      left = high - GOLDEN * (high - low)
      leftValue = await valueAt(left)
    } else {
      low = left
      left = right
      leftValue = rightValue
      right = low + GOLDEN * (high - low)
      rightValue = await valueAt(right)
    }
  }
  return leftValue <= rightValue ? { point: left, value: leftValue } : { point: right, value: rightValue }
}

/** Converts log-SNRs to β. At the ends of the training range, ᾱ is exactly that of the training. */
function betasOf(levels: readonly number[], training: NoiseSchedule): readonly number[] {
  const { alphaBar } = training
  const clamped = levels.map(level => Math.min(alphaBar[0]!, Math.max(alphaBar.at(-1)!, 1 / (1 + Math.exp(-level)))))
  return Array.from(scheduleFromAlphaBars(clamped).beta)
}
