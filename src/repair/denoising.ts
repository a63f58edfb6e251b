/**
 * Denoising with a generator: the reverse process starts from the recording, at the noise level that matches the
 * recording's noise (Kong et al. 2021, last experiments). The recording and the result are held in memory; the data in
 * between are made piece by piece.
 */
import { z } from 'zod'
import type { Audio } from '../audio/audio.js'
import { MAX_NOISE_RMS, MAX_SNR, MIN_SNR } from '../core/limits.js'
import { check, type FieldsOf } from '../core/options.js'
import { drawSeed } from '../core/seed.js'
import { encodedInParts } from '../data-domain/data-domain.js'
import { type Denoiser, modelDomain } from '../denoiser/denoiser.js'
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
 * Options of `denoise`. Give at most one of `snr`, `noise` and `step`. Without them, the noise is estimated from the
 * pauses of the recording.
 */
export interface DenoiseOptions extends StartLevelOptions {
  /** Signal-to-noise ratio of the recording in dB, −60 to 120. */
  readonly snr?: number | undefined
  /** Root mean square of the recording's noise, in units of full scale; above 0, at most 10. */
  readonly noise?: number | undefined
}

const denoiseSchema = z
  .strictObject({
    ...startLevelFields,
    snr: z.number().min(MIN_SNR).max(MAX_SNR).optional(),
    noise: z.number().positive().max(MAX_NOISE_RMS).optional(),
  } satisfies FieldsOf<DenoiseOptions>)
  .refine(o => [o.snr, o.noise, o.step].filter(value => value !== undefined).length <= 1, {
    message: 'give one of snr, noise and step',
  })

/** A denoised recording. */
export class Denoised extends Restored {
  /** Root mean square of the recording's noise as it was estimated or stated, in units of full scale. */
  readonly noise: number

  constructor(fields: SynthesisFields & { readonly step: number; readonly noise: number }) {
    super(fields)
    this.noise = fields.noise
  }
}

/**
 * Removes noise from a recording y. At the noise level that matches the recording's noise, √ᾱ·y takes the place of x_t,
 * and the reverse process runs from there. The process assumes white noise: for coloured noise the level is matched,
 * but not the spectrum.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`
 */
export async function denoise(model: Denoiser, audio: Audio, options: DenoiseOptions = {}): Promise<Denoised> {
  const checked = check(denoiseSchema, options, 'denoise options')
  const { snr, noise: given, step, label, seed = drawSeed(), signal, onProgress, onStep, ...choice } = checked
  const { config } = model
  const domain = modelDomain(model)
  const labelIndex = model.labelIndex(label)
  const samples = await recordingAt(audio, config.sampleRate, 'the recording', signal)
  const noise = given ?? (snr === undefined ? estimateNoise(samples, config.sampleRate) : noiseOfRatio(samples, snr))
  const level =
    step === undefined ? levelOfNoise(config.diffusion, noise, domain.whiteGain) : levelOfStep(config.diffusion, step)
  const data = encodedInParts(domain, samples)
  const scale = Math.sqrt(level.alphaBar)
  const made = await wholeClip(model, {
    sampler: samplerFromLevel(config.diffusion, level.alphaBar, choice),
    seed,
    input: { length: samples.length },
    start: (fresh, from) => {
      const y = data(from, fresh.length)
      return fresh.map((_, i) => scale * (y[i] ?? 0))
    },
    label: labelIndex,
    signal,
    onProgress,
    onStep,
  })
  const impliedNoise = Math.sqrt((1 - level.alphaBar) / level.alphaBar) / domain.whiteGain
  return new Denoised({ ...made, step: level.step, noise: step === undefined ? noise : impliedNoise })
}
