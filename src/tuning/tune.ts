/**
 * Tuning: finds the noise levels, the sampler and DDIM's noise scale with which a vocoder copies recordings best in a
 * given number of steps. A copy is compared with its original by the log-mel distance plus the multi-resolution STFT
 * distance. Phase refinement is off, because it moves all copies closer to the mel and would hide the differences
 * between schedules.
 */
import { z } from 'zod'
import type { Audio } from '../audio/audio.js'
import type { MelConvention } from '../audio/mel/convention.js'
import type { Callback } from '../core/callback.js'
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import { MAX_TUNING_EVALUATIONS } from '../core/limits.js'
import { abortSignal, callback, check, type FieldsOf, seed as seedSchema } from '../core/options.js'
import type { Progress } from '../core/progress.js'
import { orAborted } from '../core/until-aborted.js'
import { checkDenoiser, type Denoiser } from '../denoiser/denoiser.js'
import { samplerOver } from '../diffusion/samplers/create.js'
import {
  type NoiseSchedule,
  noiseSchedule,
  ownSchedule,
  samplingSchedule,
  scheduleFor,
  scheduleFromBetas,
} from '../diffusion/schedule.js'
import { type DiffusionConfig, type SamplerName, samplerNames, scheduleSteps } from '../model/diffusion-config.js'
import { copyDistance, type Examples, examplesOf } from './examples.js'
import { tuneLevels } from './search-levels.js'

/** Options of `tune`. */
export interface TuneOptions {
  /** Number of steps to tune for, 1 to 64. */
  readonly steps: number
  /**
   * Sampler to tune for. Default: the sampler that is best with evenly spaced levels, or with the model's own levels.
   */
  readonly sampler?: SamplerName | undefined
  /** Max number of schedules to try, at least 4. Each one makes a copy of every recording. Default: 60. */
  readonly evaluations?: number | undefined
  /** Length in seconds of the part of each recording that is used, taken from its middle: 0.1 to 60. Default: 2. */
  readonly seconds?: number | undefined
  /** Seed of the noise, a non-negative integer. Recording i uses the seed plus i. Default: 1. */
  readonly seed?: number | undefined
  /** Stops the search: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Called after each schedule tried. */
  readonly onProgress?: Callback<TuneProgress> | undefined
}

const tuneSchema = z.strictObject({
  steps: z.number().int().min(1).max(64),
  sampler: z.enum(samplerNames).optional(),
  evaluations: z.number().int().min(4).max(MAX_TUNING_EVALUATIONS).default(60),
  seconds: z.number().min(0.1).max(60).default(2),
  seed: seedSchema.default(1),
  signal: abortSignal.optional(),
  onProgress: callback<TuneProgress>().optional(),
} satisfies FieldsOf<TuneOptions>)

/** Progress of a search: schedules tried so far, of at most `evaluations`. */
export interface TuneProgress extends Progress {
  /** Distance of the best schedule so far. */
  readonly best: number
}

/**
 * The schedule that was found, and how it compares. All distances are log-mel distance (in nepers) plus
 * multi-resolution STFT distance, on the same recordings: those that the search did not use, or the single one with
 * another seed.
 */
export interface TunedSchedule {
  /** Number of steps. */
  readonly steps: number
  /** The sampler that it was tuned for. */
  readonly sampler: SamplerName
  /** DDIM's noise scale that it was tuned for. For other samplers it is the model's, and has no effect. */
  readonly noiseScale: number
  /** β of each step, between 0 and 1, the least noisy step first. */
  readonly betas: readonly number[]
  /** Distance of the schedule that was found. */
  readonly distance: number
  /** Distance of the schedule that the model uses now for this number of steps, its own or a derived one. */
  readonly before: number
  /** Distance of evenly spaced levels, with the model's default sampler and noise scale. */
  readonly derived: number
  /** Whether the schedule beats both of these, so that it is worth keeping. */
  readonly better: boolean
  /** Number of schedules that were tried. */
  readonly evaluations: number
}

interface Candidate {
  readonly betas: readonly number[]
  readonly sampler: SamplerName
  readonly noiseScale: number
}

/** The noise scales of DDIM to try for models that predict x_0. */
const NOISE_SCALES: readonly number[] = [0, 0.1, 0.2, 0.5]

/**
 * Searches for the best schedule of a vocoder with a given number of steps. If there are two or more recordings, every
 * second one is withheld from the search, to decide whether its result is better.
 *
 * @param recordings about ten seconds in all, since every schedule that is tried copies all of them; taken as they are
 * when the call begins
 * @throws DiffWaveError `BAD_CONFIG` (not a vocoder), `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, `ABORTED`
 * @example
 * const model = await loadModel('runs/voice/model')
 * const tuned = await tune(model, [await readAudio('a.wav'), await readAudio('b.wav')], { steps: 2 })
 */
export async function tune(
  model: Denoiser,
  recordings: readonly Audio[],
  options: TuneOptions,
): Promise<TunedSchedule> {
  const { steps, sampler, evaluations, seconds, seed, signal, onProgress } = check(tuneSchema, options, 'tune options')
  const convention = checkTunable(model, recordings, { steps, seconds })
  const { diffusion } = model.config
  const training = noiseSchedule(diffusion.training)
  const { used, withheld } = await examplesOf(recordings, convention, { seconds, seed, signal })
  const distanceOn =
    (examples: Examples['used']) =>
    ({ betas, ...choice }: Candidate) => {
      const schedule = samplingSchedule(training, betas)
      return copyDistance(model, convention, samplerOver(schedule, diffusion, choice), examples, signal)
    }
  const { derived, own, starts } = candidates(diffusion, steps, sampler)
  const trials = new Trials(distanceOn(used), evaluations, report => orAborted(onProgress?.(report), signal))
  const found = await search(training, starts, trials)
  const decide = distanceOn(withheld)
  const distances = { found: await decide(found), derived: await decide(derived) }
  const before = own === null ? distances.derived : await decide(own)
  await trials.finish()
  return {
    steps,
    ...found,
    distance: distances.found,
    before,
    derived: distances.derived,
    better: distances.found < Math.min(distances.derived, before),
    evaluations: trials.count,
  }
}

/** Tries candidates, and reports the progress. */
class Trials {
  /** Number of candidates tried so far. */
  count = 0
  /** Max number of candidates. */
  readonly max: number
  readonly #distance: (candidate: Candidate) => Promise<number>
  readonly #onProgress: Callback<TuneProgress>
  #best = Number.POSITIVE_INFINITY

  constructor(distance: (candidate: Candidate) => Promise<number>, max: number, onProgress: Callback<TuneProgress>) {
    this.#distance = distance
    this.max = max
    this.#onProgress = onProgress
  }

  /** Computes the distance of a candidate. */
  async distance(candidate: Candidate): Promise<number> {
    const value = await this.#distance(candidate)
    this.#best = Math.min(this.#best, value)
    this.count++
    await this.#report(this.count)
    return value
  }

  /** Reports the end, which may come after fewer candidates than allowed. */
  finish(): Promise<void> {
    return this.#report(this.max)
  }

  async #report(done: number): Promise<void> {
    await this.#onProgress({ done, total: this.max, best: this.#best })
  }
}

/** Finds the best of some candidates, and moves its levels until no move lowers the distance. */
async function search(training: NoiseSchedule, starts: readonly Candidate[], trials: Trials): Promise<Candidate> {
  let start = starts[0]!
  let startValue = Number.POSITIVE_INFINITY
  for (const candidate of starts.slice(0, trials.max)) {
    const value = await trials.distance(candidate)
    if (value < startValue) [start, startValue] = [candidate, value]
  }
  const { betas } = await tuneLevels({
    training,
    start: Array.from(scheduleFromBetas(start.betas).alphaBar),
    startValue,
    objective: betas => trials.distance({ ...start, betas }),
    evaluations: Math.max(0, trials.max - trials.count),
  })
  return { ...start, betas }
}

/** Checks the arguments of `tune`. @returns the model's mel convention @throws DiffWaveError if nothing can be tuned */
function checkTunable(
  model: Denoiser,
  recordings: readonly Audio[],
  { steps, seconds }: { readonly steps: number; readonly seconds: number },
): MelConvention {
  checkDenoiser(model, 'tune')
  const { mel, diffusion, kind } = model.config
  if (mel === null) {
    throw new DiffWaveError('BAD_CONFIG', 'only a vocoder can be tuned', { got: `a ${kind}`, where: 'tune' })
  }
  if (!Array.isArray(recordings) || recordings.length === 0) {
    throw new DiffWaveError('BAD_OPTION', 'there are no recordings to tune on', {
      expected: 'an array of audio',
      got: Array.isArray(recordings) ? 'an empty one' : describe(recordings),
      where: 'tune recordings',
    })
  }
  if (steps > 1 && scheduleSteps(diffusion.training) === 1) {
    throw new DiffWaveError('BAD_SCHEDULE', 'a model trained on one noise level can only take one step', {
      expected: '1',
      got: String(steps),
      where: 'steps',
    })
  }
  const shortest = mel.fftSize / mel.sampleRate
  if (seconds < shortest) {
    throw new DiffWaveError('BAD_OPTION', 'the parts of the recordings are too short to tune on', {
      expected: `at least ${shortest.toFixed(3)} s`,
      got: `${seconds} s`,
      where: 'seconds',
    })
  }
  return mel
}

/**
 * The schedules to start from. Each candidate has a sampler, a noise scale, and evenly spaced levels or the model's
 * own; the best one is then tuned. A sampler that the options name may also start from the model's own levels.
 */
function candidates(diffusion: DiffusionConfig, steps: number, wanted: SamplerName | undefined) {
  const { noiseScale, defaultSampler } = diffusion
  const betas = Array.from(scheduleFor({ ...diffusion, sampling: {} }, steps).beta)
  const schedule = ownSchedule(diffusion, steps)
  const own: Candidate | null =
    schedule === null
      ? null
      : {
          betas: schedule.betas,
          sampler: schedule.sampler ?? defaultSampler,
          noiseScale: schedule.noiseScale ?? noiseScale,
        }
  const samplers = wanted === undefined ? samplerNames : [wanted]
  const starts: Candidate[] = samplers.map(sampler => ({ betas, sampler, noiseScale }))
  if (own !== null) starts.push({ ...own, sampler: wanted ?? own.sampler })
  // A noise scale has no effect on a single step. It helps if ε̂ is partly the error of x̂_0, so it is tried for models
  // that predict x_0.
  if (steps > 1 && diffusion.prediction === 'x0' && samplers.includes('ddim')) {
    const others = NOISE_SCALES.filter(scale => scale !== noiseScale)
    starts.push(...others.map(scale => ({ betas, sampler: 'ddim' as const, noiseScale: scale })))
  }
  return { derived: { betas, sampler: defaultSampler, noiseScale } satisfies Candidate, own, starts }
}
