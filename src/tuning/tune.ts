/**
 * Tuning: the noise levels, the sampler and DDIM's noise scale with which a vocoder copies recordings best in a given
 * number of steps. Copies are compared with their originals by what can be heard: log-mel distance plus
 * multi-resolution STFT distance. They are judged without phase refinement, which brings them all nearer to the mel and
 * would hide the differences between schedules.
 */
import { z } from 'zod'
import type { Audio } from '../audio/audio.js'
import { checkAudio } from '../audio/check-audio.js'
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { MelFeed } from '../audio/mel/feed.js'
import { melSpectrogram } from '../audio/mel/mel.js'
import { resample } from '../audio/resample.js'
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import { MAX_TUNING_EVALUATIONS } from '../core/limits.js'
import { abortSignal, check, type FieldsOf, seed as seedSchema } from '../core/options.js'
import type { Progress } from '../core/progress.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import { samplerOver } from '../diffusion/samplers/create.js'
import { noiseSchedule, ownSchedule, samplingSchedule, scheduleFor, scheduleFromBetas } from '../diffusion/schedule.js'
import { logMelDistance } from '../evaluation/vocoder/log-mel-distance.js'
import { stftDistance } from '../evaluation/vocoder/stft-distance.js'
import type { ModelConfig } from '../model/config.js'
import { type DiffusionConfig, type SamplerName, samplerNames, scheduleSteps } from '../model/diffusion-config.js'
import { wholeClip } from '../synthesis/clip.js'
import { tuneLevels } from './search-levels.js'

/** Options of `tune`. */
export interface TuneOptions {
  /** Number of steps to tune for, 1 to 64. */
  readonly steps: number
  /** Sampler to tune for. Default: the one that does best with evenly spaced levels, or with the model's own. */
  readonly sampler?: SamplerName | undefined
  /** Max schedules to try, from 4, default 60: each makes every recording once. */
  readonly evaluations?: number | undefined
  /** Seconds of each recording that are used, from its middle: 0.1 to 60, default 2. */
  readonly seconds?: number | undefined
  /** Seed of the noise, an integer from 0, default 1: recording i has the seed plus i. */
  readonly seed?: number | undefined
  /** Stops the search: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Called after each schedule tried. */
  readonly onProgress?: ((progress: TuneProgress) => void) | undefined
}

const tuneSchema = z.strictObject({
  steps: z.number().int().min(1).max(64),
  sampler: z.enum(samplerNames).optional(),
  evaluations: z.number().int().min(4).max(MAX_TUNING_EVALUATIONS).default(60),
  seconds: z.number().min(0.1).max(60).default(2),
  seed: seedSchema.default(1),
  signal: abortSignal.optional(),
  onProgress: z
    .custom<(progress: TuneProgress) => void>(value => typeof value === 'function', 'expected a function')
    .optional(),
} satisfies FieldsOf<TuneOptions>)

/** Schedules tried, of at most `evaluations`. */
export interface TuneProgress extends Progress {
  /** Distance of the best schedule so far. */
  readonly best: number
}

/** A schedule that was found, and how it compares. Distances: log-mel (nepers) plus multi-resolution STFT. */
export interface TunedSchedule {
  /** Number of steps. */
  readonly steps: number
  /** The sampler that it was tuned for. */
  readonly sampler: SamplerName
  /** DDIM's noise scale that it was tuned for; with another sampler, the model's, which has no effect. */
  readonly noiseScale: number
  /** β_1 … β_steps, each between 0 and 1, the least noisy level first. */
  readonly betas: readonly number[]
  /** On the recordings that the search did not use (with one recording: with another seed). */
  readonly distance: number
  /**
   * On the same, of the schedule that the model would use now, with its sampler: its own for that number, or the
   * derived one.
   */
  readonly before: number
  /** On the same, of evenly spaced levels with the model's default sampler and noise scale. */
  readonly derived: number
  /** Whether it beats both, so that it is worth keeping. */
  readonly better: boolean
  /** Schedules tried. */
  readonly evaluations: number
}

interface Example {
  readonly samples: Float32Array
  readonly mel: Mel
  readonly seed: number
}

interface Candidate {
  readonly betas: readonly number[]
  readonly sampler: SamplerName
  readonly noiseScale: number
}

/** Noise scales of DDIM that are tried for models that predict x_0. */
const NOISE_SCALES: readonly number[] = [0, 0.1, 0.2, 0.5]

/**
 * Searches for the best schedule of a vocoder with a given number of steps. Of two or more recordings, every second is
 * withheld from the search and decides whether its result is better.
 *
 * @param recordings some ten seconds in all: every schedule tried makes all of them
 * @throws DiffWaveError `BAD_CONFIG` (not a vocoder), `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, `ABORTED`
 */
export async function tune(
  model: Denoiser,
  recordings: readonly Audio[],
  options: TuneOptions,
): Promise<TunedSchedule> {
  const { steps, evaluations, seconds, seed, signal, onProgress, ...checked } = check(
    tuneSchema,
    options,
    'tune options',
  )
  const convention = checkTunable(model, recordings, steps)
  const { diffusion } = model.config
  const examples: Example[] = []
  for (const [i, audio] of recordings.entries()) examples.push(await example(audio, convention, seconds, seed + i))
  const { used, withheld } = split(examples)
  const distance = (candidate: Candidate, on: readonly Example[]) =>
    copyDistance(model, convention, candidate, on, signal)

  const { derived, own, starts } = candidates(diffusion, steps, checked.sampler)
  let calls = 0
  let best = Number.POSITIVE_INFINITY
  const tried = async (candidate: Candidate): Promise<number> => {
    const value = await distance(candidate, used)
    best = Math.min(best, value)
    calls++
    onProgress?.({ done: Math.min(calls, evaluations), total: evaluations, best })
    return value
  }
  let start = starts[0]!
  let startValue = Number.POSITIVE_INFINITY
  for (const candidate of starts.slice(0, evaluations)) {
    const value = await tried(candidate)
    if (value < startValue) [start, startValue] = [candidate, value]
  }
  const tuned = await tuneLevels({
    training: noiseSchedule(diffusion.training),
    start: Array.from(scheduleFromBetas(start.betas).alphaBar),
    startValue,
    objective: betas => tried({ ...start, betas }),
    evaluations: Math.max(0, evaluations - calls),
    signal,
  })
  const found: Candidate = { ...start, betas: tuned.betas }
  const distances = { found: await distance(found, withheld), derived: await distance(derived, withheld) }
  const before = own === null ? distances.derived : await distance(own, withheld)
  onProgress?.({ done: evaluations, total: evaluations, best })
  return {
    steps,
    ...found,
    distance: distances.found,
    before,
    derived: distances.derived,
    better: distances.found < Math.min(distances.derived, before),
    evaluations: calls,
  }
}

/** The model's mel convention. @throws DiffWaveError if nothing can be tuned */
function checkTunable(model: Denoiser, recordings: readonly Audio[], steps: number): MelConvention {
  if (model?.config === undefined) {
    throw new DiffWaveError('BAD_OPTION', 'not a loaded model', { expected: 'the result of loadModel', where: 'tune' })
  }
  const { mel, diffusion, kind } = model.config
  if (mel === null) throw new DiffWaveError('BAD_CONFIG', 'only a vocoder copies recordings', { got: kind })
  if (!Array.isArray(recordings) || recordings.length === 0) {
    throw new DiffWaveError('BAD_OPTION', 'there are no recordings to tune on', {
      expected: 'an array of audio',
      got: Array.isArray(recordings) ? 'an empty one' : describe(recordings),
    })
  }
  if (steps > 1 && scheduleSteps(diffusion.training) === 1) {
    throw new DiffWaveError('BAD_SCHEDULE', 'a model trained on one noise level can only take one step')
  }
  return mel
}

/** Every second example is withheld; of a single one, another seed is. */
function split(examples: readonly Example[]) {
  const [used, withheld] = [0, 1].map(part => examples.filter((_, i) => i % 2 === part)) as [Example[], Example[]]
  return { used, withheld: examples.length === 1 ? used.map(one => ({ ...one, seed: one.seed + 1 })) : withheld }
}

/**
 * Schedules to start from, and to beat. What does best from evenly spaced levels, or from the model's own, is the
 * sampler to tune, and the noise scale; a sampler that the options name may start from the model's own levels, too.
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
  // A single step carries no noise on. The share pays if what is carried on is the error of x̂_0.
  if (steps > 1 && diffusion.prediction === 'x0' && samplers.includes('ddim')) {
    const others = NOISE_SCALES.filter(scale => scale !== noiseScale)
    starts.push(...others.map(scale => ({ betas, sampler: 'ddim' as const, noiseScale: scale })))
  }
  return { derived: { betas, sampler: defaultSampler, noiseScale } satisfies Candidate, own, starts }
}

const tunedSchema = z.array(
  z.looseObject({
    better: z.boolean(),
    steps: z.number().int().min(1),
    betas: z.array(z.number()).min(1).readonly(),
    sampler: z.enum(samplerNames),
    noiseScale: z.number().min(0).max(1),
  }),
)

/**
 * A model's config with those of the schedules that are better than its own.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG`
 */
export function withTunedSchedules(config: ModelConfig, tuned: readonly TunedSchedule[]): ModelConfig {
  if (typeof config?.diffusion !== 'object') {
    throw new DiffWaveError('BAD_CONFIG', 'not a model’s config', { where: 'withTunedSchedules config' })
  }
  const added = check(tunedSchema, tuned, 'withTunedSchedules schedules')
    .filter(schedule => schedule.better)
    .map(({ steps, betas, sampler, noiseScale }) => {
      const schedule = { betas: [...betas], sampler }
      return [String(steps), noiseScale === config.diffusion.noiseScale ? schedule : { ...schedule, noiseScale }]
    })
  return {
    ...config,
    diffusion: { ...config.diffusion, sampling: { ...config.diffusion.sampling, ...Object.fromEntries(added) } },
  }
}

async function example(audio: Audio, convention: MelConvention, seconds: number, seed: number): Promise<Example> {
  checkAudio(audio, 'a recording')
  const all = await resample(audio.samples, audio.sampleRate, convention.sampleRate)
  const length = Math.min(all.length, Math.round(seconds * convention.sampleRate))
  const start = Math.floor((all.length - length) / 2)
  const samples = all.slice(start, start + length)
  if (length < convention.fftSize) {
    throw new DiffWaveError('BAD_AUDIO', 'a recording is too short to tune on', {
      expected: `at least ${convention.fftSize} samples at ${convention.sampleRate} Hz`,
      got: String(length),
    })
  }
  return { samples, mel: melSpectrogram({ samples, sampleRate: convention.sampleRate }, convention), seed }
}

/** Mean distance of copies to their originals. */
async function copyDistance(
  model: Denoiser,
  convention: MelConvention,
  { betas, ...choice }: Candidate,
  examples: readonly Example[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const { diffusion } = model.config
  const schedule = samplingSchedule(noiseSchedule(diffusion.training), betas)
  const logMel: MelConvention = { ...convention, logarithm: 'ln', floor: 1e-5, normalisation: null }
  const { sampleRate } = convention
  let sum = 0
  for (const { samples, mel, seed } of examples) {
    const made = await wholeClip(model, {
      sampler: samplerOver(schedule, diffusion, choice),
      seed,
      input: { mel: new MelFeed(mel, convention) },
      trim: samples.length,
      signal,
    })
    // A copy may be shorter than its original by a part of a frame: both are compared as far as they go.
    const original = samples.subarray(0, made.samples.length)
    const [a, b] = [original, made.samples].map(audio => melSpectrogram({ samples: audio, sampleRate }, logMel))
    sum += logMelDistance(a!, b!) + stftDistance(original, made.samples, sampleRate)
  }
  return sum / examples.length
}
