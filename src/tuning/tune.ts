/**
 * Tuning: finds the noise levels, the sampler and DDIM's noise scale with which a vocoder copies recordings best in a
 * given number of steps. A copy is compared with its original by the log-mel distance plus the multi-resolution STFT
 * distance. Phase refinement is off, because it moves all copies closer to the mel and would hide the differences
 * between schedules.
 */
import { z } from 'zod'
import type { Audio } from '../audio/audio.js'
import { checkAudio } from '../audio/check-audio.js'
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { MelFeed } from '../audio/mel/feed.js'
import { melSpectrogram } from '../audio/mel/mel.js'
import { resample } from '../audio/resample.js'
import type { Callback } from '../core/callback.js'
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import { MAX_TUNING_EVALUATIONS } from '../core/limits.js'
import { abortSignal, callback, check, type FieldsOf, seed as seedSchema } from '../core/options.js'
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
  const { steps, evaluations, seconds, seed, signal, onProgress, ...checked } = check(
    tuneSchema,
    options,
    'tune options',
  )
  const convention = checkTunable(model, recordings, steps)
  const { diffusion } = model.config
  // The caller may write to its arrays as soon as this waits.
  const copies = Array.from(recordings, copyAudio)
  const examples: Example[] = []
  for (const [i, audio] of copies.entries()) {
    examples.push(await example(audio, convention, { seconds, seed: seed + i, signal, where: `recording ${i}` }))
  }
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
    await onProgress?.({ done: Math.min(calls, evaluations), total: evaluations, best })
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
  await onProgress?.({ done: evaluations, total: evaluations, best })
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

/** Checks the arguments of `tune`. @returns the model's mel convention @throws DiffWaveError if nothing can be tuned */
function checkTunable(model: Denoiser, recordings: readonly Audio[], steps: number): MelConvention {
  if (model?.config === undefined) {
    throw new DiffWaveError('BAD_OPTION', 'not a loaded model', { expected: 'the result of loadModel', where: 'tune' })
  }
  const { mel, diffusion, kind } = model.config
  if (mel === null) {
    throw new DiffWaveError('BAD_CONFIG', 'only a vocoder copies recordings', {
      expected: 'a vocoder',
      got: kind,
      where: 'tune',
    })
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
  return mel
}

/**
 * Splits examples into those for the search and those for the decision. A single example is used for both, with another
 * seed.
 */
function split(examples: readonly Example[]) {
  const [used, withheld] = [0, 1].map(part => examples.filter((_, i) => i % 2 === part)) as [Example[], Example[]]
  return { used, withheld: examples.length === 1 ? used.map(one => ({ ...one, seed: one.seed + 1 })) : withheld }
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
 * A copy of a model's config with those of the tuned schedules that are better than its own.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG`
 * @example
 * const config = withTunedSchedules(model.config, [tuned])
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

/** @throws DiffWaveError `BAD_AUDIO` */
function copyAudio(audio: Audio): Audio {
  checkAudio(audio, 'a recording')
  return { samples: audio.samples.slice(), sampleRate: audio.sampleRate }
}

/**
 * @param length in samples, at the convention's rate
 * @param where names the recording in errors
 * @throws DiffWaveError `BAD_AUDIO` if it is too short for the transform
 */
export function refuseShort(length: number, { fftSize, sampleRate }: MelConvention, where: string): void {
  if (length >= fftSize) return
  throw new DiffWaveError('BAD_AUDIO', 'a recording is too short to tune on', {
    expected: `at least ${fftSize} samples at ${sampleRate} Hz`,
    got: String(length),
    where,
  })
}

async function example(
  audio: Audio,
  convention: MelConvention,
  {
    seconds,
    seed,
    signal,
    where,
  }: {
    readonly seconds: number
    readonly seed: number
    readonly signal: AbortSignal | undefined
    readonly where: string
  },
): Promise<Example> {
  const all = await resample(audio.samples, audio.sampleRate, convention.sampleRate, { signal })
  const length = Math.min(all.length, Math.round(seconds * convention.sampleRate))
  const start = Math.floor((all.length - length) / 2)
  const samples = all.slice(start, start + length)
  refuseShort(length, convention, where)
  return { samples, mel: melSpectrogram({ samples, sampleRate: convention.sampleRate }, convention), seed }
}

/** Mean distance between copies and their originals. */
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
    // A copy may be shorter than its original by part of a frame. They are compared up to the shorter length.
    const original = samples.subarray(0, made.samples.length)
    const [a, b] = [original, made.samples].map(audio => melSpectrogram({ samples: audio, sampleRate }, logMel))
    sum += logMelDistance(a!, b!) + stftDistance(original, made.samples, sampleRate)
  }
  return sum / examples.length
}
