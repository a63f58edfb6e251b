/**
 * Denoising a recording with a generator's prior: the reverse process starts from the recording, at the noise level
 * that is as noisy (Kong et al. 2021, last experiments). Bounded memory but for the recording itself.
 */
import { z } from 'zod'
import type { Audio } from '../audio/audio.js'
import { check, type FieldsOf } from '../core/options.js'
import { drawSeed } from '../core/seed.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import { samplerFromLevel } from '../diffusion/samplers/create.js'
import { wholeClip } from '../synthesis/clip.js'
import type { SynthesisFields } from '../synthesis/result.js'
import { estimateNoise, noiseOfRatio } from './noise-level.js'
import {
  levelOfNoise,
  levelOfStep,
  Restored,
  recordingAt,
  type StartLevelOptions,
  startLevelFields,
} from './start-level.js'

/**
 * Options of `denoise`. At most one of `snr`, `noise` and `step`; without them the noise is estimated from the pauses.
 */
export interface DenoiseOptions extends StartLevelOptions {
  /** Signal-to-noise ratio of the recording in dB, −60 to 120. */
  readonly snr?: number | undefined
  /** Root mean square of the recording's noise, full scale being 1; above 0, at most 10. */
  readonly noise?: number | undefined
}

const denoiseSchema = z
  .strictObject({
    ...startLevelFields,
    snr: z.number().min(-60).max(120).optional(),
    noise: z.number().positive().max(10).optional(),
  } satisfies FieldsOf<DenoiseOptions>)
  .refine(o => [o.snr, o.noise, o.step].filter(value => value !== undefined).length <= 1, {
    message: 'give one of snr, noise and step',
  })

/** A denoised recording. */
export class Denoised extends Restored {
  /** Root mean square of the noise that was taken to be in the recording, full scale being 1. */
  readonly noise: number

  constructor(fields: SynthesisFields & { readonly step: number; readonly noise: number }) {
    super(fields)
    this.noise = fields.noise
  }
}

/**
 * A recording without its noise: √ᾱ·y is x_t at the noise level where the recording's noise has its place, and the
 * reverse process goes on from there. The process knows white noise; of any other, the level is matched and the colour
 * is not.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`
 */
export async function denoise(model: Denoiser, audio: Audio, options: DenoiseOptions = {}): Promise<Denoised> {
  const checked = check(denoiseSchema, options, 'denoise options')
  const { snr, noise: given, step, label, seed = drawSeed(), signal, onProgress, onStep, ...choice } = checked
  const { config, domain } = model
  const labelIndex = model.labelIndex(label)
  const samples = await recordingAt(audio, config.sampleRate, 'the recording')
  const noise = given ?? (snr === undefined ? estimateNoise(samples, config.sampleRate) : noiseOfRatio(samples, snr))
  const level =
    step === undefined ? levelOfNoise(config.diffusion, noise, domain.whiteGain) : levelOfStep(config.diffusion, step)
  const data = domain.encode(samples, null)
  const scale = Math.sqrt(level.alphaBar)
  const made = await wholeClip(model, {
    sampler: samplerFromLevel(config.diffusion, level.alphaBar, choice),
    seed,
    input: { length: samples.length },
    start: (fresh, from) => fresh.map((_, i) => scale * (data[from + i] ?? 0)),
    label: labelIndex,
    signal,
    onProgress,
    onStep,
  })
  const impliedNoise = Math.sqrt((1 - level.alphaBar) / level.alphaBar) / domain.whiteGain
  return new Denoised({ ...made, step: level.step, noise: step === undefined ? noise : impliedNoise })
}
