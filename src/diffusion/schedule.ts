/**
 * Noise schedules. Step n of a schedule has β_n, α_n = 1 − β_n and ᾱ_n = α_0 ⋯ α_n (Ho et al. 2020, eq. 4). Steps count
 * from 0, the cleanest, and the network is conditioned on this number. Sampling may use noise levels that training did
 * not. The network then gets a fractional training step, computed as in lmnt-com/diffwave `inference.py`.
 */
import { DiffWaveError } from '../core/errors.js'
import { MAX_DIFFUSION_STEPS } from '../core/limits.js'
import {
  type DiffusionConfig,
  hasEvenLevels,
  type NoiseScheduleConfig,
  type SamplerName,
  scheduleSteps,
} from '../model/diffusion-config.js'

/** A noise schedule, one number per step, in double precision. */
export interface NoiseSchedule {
  readonly beta: Float64Array
  readonly alpha: Float64Array
  readonly alphaBar: Float64Array
}

/** A schedule for sampling: its noise levels, and the training step of each. */
export interface SamplingSchedule extends NoiseSchedule {
  /** Fractional training steps, ascending, each rounded to float32 as the reference does. */
  readonly steps: Float64Array
}

/**
 * Relative tolerance at the ends of the training range, so that a level on an end is not refused because of rounding.
 */
const END_TOLERANCE = 1e-9

/**
 * Smallest ᾱ at which a derived schedule may start. Below it the signal is less than 1 % of the noise, and steps would
 * be wasted.
 */
const DERIVED_NOISIEST = 1e-4

/** Makes a schedule from its β. */
export function scheduleFromBetas(betas: ArrayLike<number>): NoiseSchedule {
  const beta = Float64Array.from(betas)
  const alpha = beta.map(b => 1 - b)
  const alphaBar = new Float64Array(beta.length)
  let product = 1
  for (let n = 0; n < alpha.length; n++) {
    product *= alpha[n]!
    alphaBar[n] = product
  }
  return { beta, alpha, alphaBar }
}

/** Makes a schedule from its ᾱ, which descend from below 1. */
export function scheduleFromAlphaBars(alphaBars: ArrayLike<number>): NoiseSchedule {
  const alphaBar = Float64Array.from(alphaBars)
  const alpha = alphaBar.map((level, n) => level / (n === 0 ? 1 : alphaBar[n - 1]!))
  return { beta: alpha.map(a => 1 - a), alpha, alphaBar }
}

/** Makes the schedule that a config describes. */
export function noiseSchedule(config: NoiseScheduleConfig): NoiseSchedule {
  switch (config.kind) {
    case 'explicit':
      return scheduleFromBetas(config.betas)
    case 'linear': {
      const { steps, betaStart, betaEnd } = config
      const stride = steps === 1 ? 0 : (betaEnd - betaStart) / (steps - 1)
      // As in numpy.linspace, the last β is exactly the end.
      return scheduleFromBetas(
        Float64Array.from({ length: steps }, (_, n) => (n > 0 && n === steps - 1 ? betaEnd : n * stride + betaStart)),
      )
    }
    case 'cosine': {
      const { steps, offset, maxBeta } = config
      const level = (t: number) => Math.cos(((t / steps + offset) / (1 + offset)) * (Math.PI / 2)) ** 2
      return scheduleFromBetas(
        Float64Array.from({ length: steps }, (_, n) => Math.min(1 - level(n + 1) / level(n), maxBeta)),
      )
    }
  }
}

/**
 * The fractional training step of each level ᾱ_s: t + (√ᾱ_t − √ᾱ_s)/(√ᾱ_t − √ᾱ_{t+1}) where ᾱ_s lies between the
 * training levels t and t + 1. The result is rounded to float32.
 *
 * @throws DiffWaveError `BAD_SCHEDULE` if a level lies outside the training range
 */
export function fractionalSteps(training: NoiseSchedule, sampling: NoiseSchedule): Float64Array {
  const levels = training.alphaBar
  const last = levels.length - 1
  return sampling.alphaBar.map((level, n) => {
    if (level >= levels[0]! && level <= levels[0]! * (1 + END_TOLERANCE)) return 0
    if (level < levels[last]! && level >= levels[last]! * (1 - END_TOLERANCE)) return last
    for (let t = 0; t < last; t++) {
      const [above, below] = [levels[t]!, levels[t + 1]!]
      if (below <= level && level <= above) {
        const root = Math.sqrt(above)
        return Math.fround(t + (root - Math.sqrt(level)) / (root - Math.sqrt(below)))
      }
    }
    throw new DiffWaveError('BAD_SCHEDULE', `level ${n} of the sampling schedule is outside the training range of ᾱ`, {
      expected: `${format(levels[last]!)} … ${format(levels[0]!)}`,
      got: format(level),
      hint:
        level > levels[0]!
          ? 'Its first β is smaller than the training schedule’s first.'
          : 'Together, its β add more noise than the model was trained on: reduce the largest ones.',
    })
  })
}

/**
 * Makes a sampling schedule from its β.
 *
 * @throws DiffWaveError `BAD_SCHEDULE` if a level lies outside the training range
 */
export function samplingSchedule(training: NoiseSchedule, betas: ArrayLike<number>): SamplingSchedule {
  const schedule = scheduleFromBetas(betas)
  return { ...schedule, steps: fractionalSteps(training, schedule) }
}

/** Log-SNR ln(ᾱ/(1 − ᾱ)) of a noise level: the natural logarithm of the power of the signal over that of the noise. */
export function logSnr(alphaBar: number): number {
  return Math.log(alphaBar / (1 - alphaBar))
}

/**
 * Makes a sampling schedule with any number of levels. They are evenly spaced in the log-SNR ln(ᾱ/(1 − ᾱ)) over the
 * training range (Lu et al. 2022, DPM-Solver, section 3.3: uniform in λ), and start at ᾱ = 1e-4 if training went
 * further. A single level is the noisiest one.
 *
 * @param noisiest ᾱ to start from instead, within the training range (past its clean end: that end)
 */
export function derivedSchedule(training: NoiseSchedule, count: number, noisiest?: number): SamplingSchedule {
  const { alphaBar } = training
  const clean = alphaBar[0]!
  const noisy = Math.min(clean, noisiest ?? Math.max(alphaBar[alphaBar.length - 1]!, DERIVED_NOISIEST))
  const [high, low] = [logSnr(clean), logSnr(noisy)]
  const levels = Float64Array.from({ length: count }, (_, n) => {
    if (n === count - 1) return noisy
    if (n === 0) return clean
    const level = 1 / (1 + Math.exp(-(high + ((low - high) * n) / (count - 1))))
    // If both ends are the same level, rounding must not cross them: samplers take roots of differences.
    return Math.min(clean, Math.max(noisy, level))
  })
  const schedule = scheduleFromAlphaBars(levels)
  return { ...schedule, steps: fractionalSteps(training, schedule) }
}

/**
 * ᾱ at a training step. Between two steps √ᾱ is linear, as in WaveGrad (Chen et al. 2021, section 3.2) and in
 * `fractionalSteps`, its inverse.
 *
 * @param step 0 … the last step, fractional allowed
 * @throws DiffWaveError `BAD_SCHEDULE` outside that range
 */
export function alphaBarAt(schedule: NoiseSchedule, step: number): number {
  const last = schedule.alphaBar.length - 1
  if (!(step >= 0 && step <= last)) {
    throw new DiffWaveError('BAD_SCHEDULE', 'a diffusion step is out of range', {
      expected: `0 … ${last}`,
      got: String(step),
    })
  }
  const below = Math.floor(step)
  if (below === step) return schedule.alphaBar[below]!
  const root = Math.sqrt(schedule.alphaBar[below]!)
  const level = root + (step - below) * (Math.sqrt(schedule.alphaBar[below + 1]!) - root)
  return level * level
}

/**
 * Makes a sampling schedule with any number of levels, evenly spaced in training steps from the noisiest on. Clean data
 * lie one spacing beyond the last level, so that no step is wasted where there is hardly any noise.
 *
 * @param noisiest ᾱ to start from instead, within the training range (past its clean end: that end)
 */
export function evenSchedule(training: NoiseSchedule, count: number, noisiest?: number): SamplingSchedule {
  const last = training.alphaBar.length - 1
  const start =
    noisiest === undefined
      ? last
      : fractionalSteps(training, scheduleFromAlphaBars([Math.min(noisiest, training.alphaBar[0]!)])).at(0)!
  const steps = Float64Array.from({ length: count }, (_, n) => Math.fround((start * (n + 1)) / count))
  const schedule = scheduleFromAlphaBars(steps.map(step => alphaBarAt(training, step)))
  return { ...schedule, steps }
}

/** A sampling schedule that a model's config states. */
interface OwnSchedule {
  readonly betas: readonly number[]
  /** The sampler it was made for; null for any. */
  readonly sampler: SamplerName | null
  /** DDIM's noise scale that it was made for; null for the model's. */
  readonly noiseScale: number | null
}

/** The schedule that a model's config states for a number of steps or a name; null if there is none. */
export function ownSchedule(config: DiffusionConfig, steps: number | string): OwnSchedule | null {
  const own = Object.hasOwn(config.sampling, String(steps)) ? config.sampling[String(steps)]! : null
  if (own === null) return null
  return 'betas' in own
    ? { betas: own.betas, sampler: own.sampler, noiseScale: own.noiseScale ?? null }
    : { betas: own, sampler: null, noiseScale: null }
}

/**
 * The number of steps to take, or the name of the schedule to sample with.
 *
 * @param steps as the caller states it. Default: the model's default number, else all training steps
 */
export function chosenSteps({ defaultSteps, training }: DiffusionConfig, steps?: number | string): number | string {
  return steps ?? defaultSteps ?? scheduleSteps(training)
}

/**
 * The schedule to sample with. It is the one in the model's config for that number or name, if there is one; the
 * training schedule itself, if the number is that of training; else a schedule derived from it (`derivedSchedule` or
 * `evenSchedule`).
 *
 * @param steps as in `chosenSteps`
 * @throws DiffWaveError `BAD_OPTION` for a name that the model does not have, `BAD_SCHEDULE`
 */
export function scheduleFor(config: DiffusionConfig, steps?: number | string): SamplingSchedule {
  const training = noiseSchedule(config.training)
  const length = training.beta.length
  const wanted = chosenSteps(config, steps)
  const own = ownSchedule(config, wanted)
  if (own !== null) return samplingSchedule(training, own.betas)
  if (typeof wanted === 'string') {
    const names = Object.keys(config.sampling)
    throw new DiffWaveError('BAD_OPTION', 'unknown schedule', {
      expected: ['a number of steps', ...names].join(', or '),
      got: wanted,
      where: 'steps',
    })
  }
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > MAX_DIFFUSION_STEPS) {
    throw new DiffWaveError('BAD_OPTION', 'the number of steps is out of range', {
      expected: `an integer from 1 to ${MAX_DIFFUSION_STEPS}`,
      got: String(wanted),
      where: 'steps',
    })
  }
  if (wanted === length) return { ...training, steps: Float64Array.from({ length }, (_, n) => n) }
  if (length === 1) {
    throw new DiffWaveError('BAD_SCHEDULE', 'a model trained on one noise level can only take one step', {
      expected: '1',
      got: String(wanted),
      where: 'steps',
    })
  }
  return hasEvenLevels(config) ? evenSchedule(training, wanted) : derivedSchedule(training, wanted)
}

function format(level: number): string {
  return level.toPrecision(6)
}
