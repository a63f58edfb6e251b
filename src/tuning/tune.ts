/**
 * Tuning: the noise levels, and the sampler, with which a vocoder copies recordings best in a given number of steps. Copies are
 * measured by what can be heard of them: the distance of log-mels and the multi-resolution STFT distance, added. They are judged
 * without phase refinement: it brings them all nearer to the mel, and what is to be compared is what the passes make.
 */
import { z } from 'zod'
import type { Audio } from '../audio/codecs/wav.js'
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { MelFeed } from '../audio/mel/feed.js'
import { melSpectrogram } from '../audio/mel/mel.js'
import { resample } from '../audio/resample.js'
import { DiffWaveError } from '../core/errors.js'
import { MAX_TUNING_EVALUATIONS } from '../core/limits.js'
import { abortSignal, check, seed as seedSchema } from '../core/options.js'
import type { Progress } from '../core/progress.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import { samplerOver } from '../diffusion/samplers/create.js'
import {
  derivedSchedule,
  noiseSchedule,
  ownSchedule,
  samplingSchedule,
  scheduleFromBetas,
} from '../diffusion/schedule.js'
import { logMelDistance } from '../evaluation/vocoder/log-mel-distance.js'
import { stftDistance } from '../evaluation/vocoder/stft-distance.js'
import type { ModelConfig } from '../model/config.js'
import { type DiffusionConfig, type SamplerName, samplerNames } from '../model/diffusion-config.js'
import { wholeClip } from '../synthesis/clip.js'
import { tuneLevels } from './search-levels.js'

const optionsSchema = z.strictObject({
  /** The number of steps to tune for. */
  steps: z.number().int().min(1).max(64),
  /** Not given: the one that does best with evenly spaced levels. */
  sampler: z.enum(samplerNames).optional(),
  /** Most schedules to try: each makes every recording once. */
  evaluations: z.number().int().min(4).max(MAX_TUNING_EVALUATIONS).default(60),
  /** Seconds of each recording that are used, from its middle. */
  seconds: z.number().min(0.1).max(60).default(2),
  seed: seedSchema.default(1),
  signal: abortSignal.optional(),
  /** Called after each schedule tried. */
  onProgress: z
    .custom<(progress: TuneProgress) => void>(value => typeof value === 'function', 'expected a function')
    .optional(),
})

/** Schedules tried, of at most `evaluations`. */
export interface TuneProgress extends Progress {
  /** Distance of the best schedule so far. */
  readonly best: number
}

export type TuneOptions = Readonly<z.input<typeof optionsSchema>>

/** A schedule found, and what speaks for it. Distances: log-mel (nepers) plus multi-resolution STFT. */
export interface TunedSchedule {
  readonly steps: number
  readonly sampler: SamplerName
  readonly betas: readonly number[]
  /** On the recordings that the search did not see (with one recording: with another seed). */
  readonly distance: number
  /** There, of the schedule that the model would use now, with its sampler: its own for that number, or the derived one. */
  readonly before: number
  /** There, of the derived schedule with the model's default sampler. */
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
}

/**
 * Searches the best schedule of a vocoder for a number of steps. With two recordings or more every second is kept from the search
 * and decides whether its result is better.
 *
 * @param recordings some tenths of a minute in all: every schedule tried makes all of them
 * @throws DiffWaveError `BAD_CONFIG` (no vocoder), `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, `ABORTED`
 */
export async function tune(
  model: Denoiser,
  recordings: readonly Audio[],
  options: TuneOptions,
): Promise<TunedSchedule> {
  const checked = check(optionsSchema, options, 'tune options')
  const { steps, evaluations, seconds, seed, signal, onProgress } = checked
  const { mel: convention, diffusion } = model.config
  if (convention === null) {
    throw new DiffWaveError('BAD_CONFIG', 'only a vocoder copies recordings', { got: model.config.kind })
  }
  if (recordings.length === 0) throw new DiffWaveError('BAD_OPTION', 'there are no recordings to tune on')
  const training = noiseSchedule(diffusion.training)
  if (steps > 1 && training.beta.length === 1) {
    throw new DiffWaveError('BAD_SCHEDULE', 'a model trained on one noise level can only take one step')
  }
  const examples: Example[] = []
  for (const [i, audio] of recordings.entries()) {
    examples.push(await example(audio, convention, seconds, seed + i))
  }
  const seen = examples.filter((_, i) => i % 2 === 0)
  const unseen =
    examples.length === 1 ? seen.map(one => ({ ...one, seed: one.seed + 1 })) : examples.filter((_, i) => i % 2 === 1)
  const distance = ({ betas, sampler }: Candidate, of: readonly Example[]) =>
    copyDistance(model, convention, diffusion, betas, sampler, of, signal)

  const derived = Array.from(derivedSchedule(training, steps).beta)
  const own = ownSchedule(diffusion, steps)
  const plain: Candidate = { betas: derived, sampler: diffusion.defaultSampler }
  const current: Candidate =
    own === null ? plain : { betas: own.betas, sampler: own.sampler ?? diffusion.defaultSampler }
  let calls = 0
  let best = Number.POSITIVE_INFINITY
  const tried = async (candidate: Candidate): Promise<number> => {
    const value = await distance(candidate, seen)
    best = Math.min(best, value)
    calls++
    onProgress?.({ done: Math.min(calls, evaluations), total: evaluations, best })
    return value
  }

  // The sampler that does best from even levels, or from the model's own, is the one to tune.
  const samplers = checked.sampler === undefined ? samplerNames : [checked.sampler]
  const starts: Candidate[] = samplers.map(sampler => ({ betas: derived, sampler }))
  if (own !== null) {
    // A sampler that was asked for may start from the model's own levels, too.
    starts.push({ betas: own.betas, sampler: checked.sampler ?? current.sampler })
  }
  let start = starts[0]!
  let startValue = Number.POSITIVE_INFINITY
  for (const candidate of starts) {
    const value = await tried(candidate)
    if (value < startValue) [start, startValue] = [candidate, value]
  }
  const tuned = await tuneLevels({
    training,
    start: Array.from(scheduleFromBetas(start.betas).alphaBar),
    startValue,
    objective: betas => tried({ betas, sampler: start.sampler }),
    evaluations: Math.max(0, evaluations - calls),
    signal,
  })
  const found: Candidate = { betas: tuned.betas, sampler: start.sampler }
  const of = { found: await distance(found, unseen), plain: await distance(plain, unseen) }
  const before = own === null ? of.plain : await distance(current, unseen)
  onProgress?.({ done: evaluations, total: evaluations, best })
  return {
    steps,
    ...found,
    distance: of.found,
    before,
    derived: of.plain,
    better: of.found < Math.min(of.plain, before),
    evaluations: calls,
  }
}

/** A model's config with schedules that were found; those that are not better than what it has are left out. */
export function withTunedSchedules(config: ModelConfig, tuned: readonly TunedSchedule[]): ModelConfig {
  const added = tuned
    .filter(schedule => schedule.better)
    .map(({ steps, betas, sampler }) => [String(steps), { betas: [...betas], sampler }])
  return {
    ...config,
    diffusion: { ...config.diffusion, sampling: { ...config.diffusion.sampling, ...Object.fromEntries(added) } },
  }
}

async function example(audio: Audio, convention: MelConvention, seconds: number, seed: number): Promise<Example> {
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
  diffusion: DiffusionConfig,
  betas: readonly number[],
  sampler: SamplerName,
  examples: readonly Example[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const schedule = samplingSchedule(noiseSchedule(diffusion.training), betas)
  const logMel: MelConvention = { ...convention, logarithm: 'ln', floor: 1e-5, normalisation: null }
  const { sampleRate } = convention
  let sum = 0
  for (const { samples, mel, seed } of examples) {
    const made = await wholeClip(model, {
      sampler: samplerOver(schedule, diffusion, { sampler }),
      seed,
      input: { mel: new MelFeed(mel, convention) },
      trim: samples.length,
      signal,
    })
    // A copy may be shorter where the mel's frames are: both are compared as far as they go.
    const original = samples.subarray(0, made.samples.length)
    const [a, b] = [original, made.samples].map(audio => melSpectrogram({ samples: audio, sampleRate }, logMel))
    sum += logMelDistance(a!, b!) + stftDistance(original, made.samples, sampleRate)
  }
  return sum / examples.length
}
