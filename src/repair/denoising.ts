/**
 * What a generator's prior is good for besides making sound from nothing: taking noise out of a recording, and going from one
 * recording to another. Both start the reverse process from recordings, at a noise level of their own (Kong et al. 2021, last
 * experiments). Bounded memory but for the recordings themselves.
 */
import { z } from 'zod'
import type { Audio } from '../audio/codecs/wav.js'
import { resample } from '../audio/resample.js'
import { DiffWaveError } from '../core/errors.js'
import { MAX_DIFFUSION_STEPS } from '../core/limits.js'
import { check } from '../core/options.js'
import { gaussian } from '../core/random.js'
import { drawSeed } from '../core/seed.js'
import { type DataDomain, dataDomain } from '../data-domain/data-domain.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import { alphaBarAt } from '../diffusion/forward.js'
import { samplerFromLevel } from '../diffusion/samplers/create.js'
import { fractionalSteps, noiseSchedule, scheduleFromAlphaBars } from '../diffusion/schedule.js'
import type { DiffusionConfig } from '../model/diffusion-config.js'
import { wholeClip } from '../synthesis/clip.js'
import { type Synthesis, samplingOptions } from '../synthesis/options.js'
import { mixLatents } from './mix-latents.js'
import { alphaBarOfNoise, estimateNoise, noiseOfRatio } from './noise-level.js'

const common = {
  ...samplingOptions,
  /** Denoiser steps from the level on, even in log-SNR; the model's default number where not given. */
  steps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS).optional(),
  /** The class, for models that have labels; null or not given: none. */
  label: z.string().nullable().default(null),
}

const denoiseSchema = z
  .strictObject({
    ...common,
    /** Signal-to-noise ratio of the recording in dB. */
    snr: z.number().min(-60).max(120).optional(),
    /** Root mean square of its noise, full scale being 1. */
    noise: z.number().positive().max(10).optional(),
    /** The training step to start at, fractional allowed, in place of that of the noise. */
    step: z.number().min(0).max(MAX_DIFFUSION_STEPS).optional(),
  })
  .refine(o => [o.snr, o.noise, o.step].filter(value => value !== undefined).length <= 1, {
    message: 'give one of snr, noise and step',
  })

const interpolateSchema = z.strictObject({
  ...common,
  /** λ: 0 is the first recording, 1 the second. */
  mix: z.number().min(0).max(1).default(0.5),
  /** The training step to mix at, fractional allowed: early ones keep both, late ones make something new. Not given: where
   * signal and noise are equally strong, or else the noisiest. */
  step: z.number().min(0).max(MAX_DIFFUSION_STEPS).optional(),
})

export type DenoiseOptions = Readonly<z.input<typeof denoiseSchema>>
export type InterpolateOptions = Readonly<z.input<typeof interpolateSchema>>

/** A recording that went through the process from a noise level on. */
export interface Restored extends Synthesis {
  /** The training step that the process started at. */
  readonly step: number
}

export interface Denoised extends Restored {
  /** Root mean square of the noise that was taken to be in the recording, full scale being 1. */
  readonly noise: number
}

/** Which draw of a seed the second recording's noise is: one that no schedule reaches. */
const DRAW_OF_SECOND = 0xffff_0000

/**
 * A recording with its noise taken out: x_t = √ᾱ·y is audio at the noise level where the recording's noise has its place, and the
 * reverse process goes on from there. The process knows white noise; of any other the level is matched and the colour is not.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`
 */
export async function denoise(model: Denoiser, audio: Audio, options: DenoiseOptions = {}): Promise<Denoised> {
  const checked = check(denoiseSchema, options, 'denoise options')
  const { snr, noise: given, step: wanted, label, seed = drawSeed(), signal, onProgress, ...choice } = checked
  const { diffusion, sampleRate } = model.config
  const labelIndex = model.labelIndex(label)
  const samples = await atRate(audio, sampleRate, 'the recording')
  const noise = given ?? (snr === undefined ? estimateNoise(samples, sampleRate) : noiseOfRatio(samples, snr))
  const domain = dataDomain(null, diffusion)
  const level = wanted === undefined ? levelOfNoise(diffusion, domain, noise) : levelOfStep(diffusion, wanted)
  const data = domain.fromAudio(samples)
  const scale = Math.sqrt(level.alphaBar)
  const made = await wholeClip(model, {
    sampler: samplerFromLevel(diffusion, level.alphaBar, choice),
    seed,
    over: { length: samples.length },
    trim: samples.length,
    start: (fresh, from) => fresh.map((_, i) => scale * (data[from + i] ?? 0)),
    label: labelIndex,
    signal,
    onProgress,
  })
  const impliedNoise = Math.sqrt((1 - level.alphaBar) / level.alphaBar) / domain.whiteGain
  return { ...made, step: level.step, noise: wanted === undefined ? noise : impliedNoise }
}

/**
 * A recording between two of the same length: both are noised to a training step, mixed there, and the reverse process makes
 * sound of the mixture.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO` (lengths differ), `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`
 */
export async function interpolate(
  model: Denoiser,
  first: Audio,
  second: Audio,
  options: InterpolateOptions = {},
): Promise<Restored> {
  const checked = check(interpolateSchema, options, 'interpolate options')
  const { mix, step, label, seed = drawSeed(), signal, onProgress, ...choice } = checked
  const { diffusion, sampleRate } = model.config
  const labelIndex = model.labelIndex(label)
  const a = await atRate(first, sampleRate, 'the first recording')
  const b = await atRate(second, sampleRate, 'the second recording')
  if (a.length !== b.length) {
    throw new DiffWaveError('BAD_AUDIO', 'the two recordings differ in length', {
      expected: `${a.length} samples at ${sampleRate} Hz`,
      got: String(b.length),
      hint: 'Cut or pad one of them first: which part belongs to which is yours to say.',
    })
  }
  const domain = dataDomain(null, diffusion)
  const level =
    step === undefined ? levelOfNoise(diffusion, domain, 1 / domain.whiteGain, true) : levelOfStep(diffusion, step)
  const noiseOfSecond = (start: number, count: number) => gaussian(seed, DRAW_OF_SECOND, start, count)
  const made = await wholeClip(model, {
    sampler: samplerFromLevel(diffusion, level.alphaBar, choice),
    seed,
    over: { length: a.length },
    trim: a.length,
    start: mixLatents(domain.fromAudio(a), domain.fromAudio(b), level.alphaBar, mix, noiseOfSecond),
    label: labelIndex,
    signal,
    onProgress,
  })
  return { ...made, step: level.step }
}

interface Level {
  readonly alphaBar: number
  readonly step: number
}

function levelOfStep(config: DiffusionConfig, step: number): Level {
  const training = noiseSchedule(config.training)
  const last = training.alphaBar.length - 1
  if (step > last) {
    throw new DiffWaveError('BAD_OPTION', 'the model was not trained on that step', {
      expected: `0 … ${last}`,
      got: String(step),
      where: 'step',
    })
  }
  return { alphaBar: alphaBarAt(training, step), step }
}

/**
 * The level as noisy as a recording; the cleanest where it is cleaner than any.
 *
 * @param nearest take the noisiest where the recording is noisier than any
 * @throws DiffWaveError `BAD_OPTION` otherwise
 */
function levelOfNoise(config: DiffusionConfig, { whiteGain }: DataDomain, noise: number, nearest = false): Level {
  const training = noiseSchedule(config.training)
  const { alphaBar } = training
  const noisiest = alphaBar.at(-1)!
  const wanted = alphaBarOfNoise(noise * whiteGain)
  if (wanted < noisiest && !nearest) {
    throw new DiffWaveError('BAD_OPTION', 'the recording is noisier than anything the model was trained on', {
      expected: `noise of at most ${(Math.sqrt((1 - noisiest) / noisiest) / whiteGain).toPrecision(3)}`,
      got: noise.toPrecision(3),
      where: 'noise',
    })
  }
  const level = Math.min(alphaBar[0]!, Math.max(noisiest, wanted))
  return { alphaBar: level, step: fractionalSteps(training, scheduleFromAlphaBars([level]))[0]! }
}

/** A recording at the model's rate. @throws DiffWaveError `BAD_AUDIO`, `NOT_FINITE`, `BAD_OPTION` (rates out of range) */
async function atRate(audio: Audio, sampleRate: number, where: string): Promise<Float32Array> {
  if (audio.samples.length === 0) throw new DiffWaveError('BAD_AUDIO', 'there are no samples', { where })
  const broken = audio.samples.findIndex(sample => !Number.isFinite(sample))
  if (broken >= 0) throw new DiffWaveError('NOT_FINITE', `sample ${broken} is not a finite number`, { where })
  return resample(audio.samples, audio.sampleRate, sampleRate)
}
