/** The noise level at which the reverse process starts from a recording instead of from noise. */
import { z } from 'zod'
import type { Audio } from '../audio/audio.js'
import { checkAudio, checkNotEmpty, checkSamples } from '../audio/check-audio.js'
import { resample } from '../audio/resample.js'
import { DiffWaveError } from '../core/errors.js'
import { MAX_DIFFUSION_STEPS } from '../core/limits.js'
import type { FieldsOf } from '../core/options.js'
import { alphaBarAt, fractionalSteps, noiseSchedule, scheduleFromAlphaBars } from '../diffusion/schedule.js'
import type { DiffusionConfig } from '../model/diffusion-config.js'
import { labelField, stepCount, type WholeClipOptions, wholeClipFields } from '../synthesis/options.js'
import { Synthesis, type SynthesisFields } from '../synthesis/result.js'
import { alphaBarOfNoise } from './noise-level.js'

/** Options of `denoise` and `interpolate`. */
export interface StartLevelOptions extends Omit<WholeClipOptions, 'steps'> {
  /**
   * Number of denoiser steps from the start level on, 1 to 4000, evenly spaced in log-SNR. Default: the model's number
   * of steps, else 6.
   */
  readonly steps?: number | undefined
  /** Name of the class, for models with labels; null for no label. Default: null. */
  readonly label?: string | null | undefined
  /**
   * The training step to start at, from 0, fractional allowed. Default for `denoise`: the step whose noise matches the
   * recording's. Default for `interpolate`: the step at which signal and noise are equally strong, or the noisiest step
   * if there is none.
   */
  readonly step?: number | undefined
}

export const startLevelFields = {
  ...wholeClipFields,
  steps: stepCount.optional(),
  label: labelField.default(null),
  step: z.number().min(0).max(MAX_DIFFUSION_STEPS).optional(),
} satisfies FieldsOf<StartLevelOptions>

/** A recording that has been through the reverse process from some noise level on. */
export class Restored extends Synthesis {
  /** The training step at which the process started. */
  readonly step: number

  constructor(fields: SynthesisFields & { readonly step: number }) {
    super(fields)
    this.step = fields.step
  }
}

/** A noise level. */
export interface Level {
  readonly alphaBar: number
  /** Its training step, fractional. */
  readonly step: number
}

/** The level of a training step. @throws DiffWaveError `BAD_OPTION` past the last step */
export function levelOfStep(config: DiffusionConfig, step: number): Level {
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

/** The level nearest to ᾱ among those that the model was trained on. */
export function nearestLevel(config: DiffusionConfig, alphaBar: number): Level {
  const training = noiseSchedule(config.training)
  const level = Math.min(training.alphaBar[0]!, Math.max(training.alphaBar.at(-1)!, alphaBar))
  return { alphaBar: level, step: fractionalSteps(training, scheduleFromAlphaBars([level]))[0]! }
}

/**
 * The noise level that matches a recording's noise, or the cleanest level if the recording is cleaner than all levels.
 *
 * @param noise root mean square of the recording's noise
 * @param whiteGain as in `DataDomain`
 * @throws DiffWaveError `BAD_OPTION` if the recording is noisier than all levels
 */
export function levelOfNoise(config: DiffusionConfig, noise: number, whiteGain: number): Level {
  const noisiest = noiseSchedule(config.training).alphaBar.at(-1)!
  const wanted = alphaBarOfNoise(noise * whiteGain)
  if (wanted < noisiest) {
    throw new DiffWaveError('BAD_OPTION', 'the recording is noisier than anything the model was trained on', {
      expected: `noise of at most ${(Math.sqrt((1 - noisiest) / noisiest) / whiteGain).toPrecision(3)}`,
      got: noise.toPrecision(3),
      where: 'noise',
    })
  }
  return nearestLevel(config, wanted)
}

/**
 * Checks a recording and returns its samples at the model's rate.
 *
 * @throws DiffWaveError `BAD_AUDIO`, `NOT_FINITE`, `BAD_OPTION` (rates out of range), `ABORTED`
 */
export async function recordingAt(
  audio: Audio,
  sampleRate: number,
  where: string,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  checkAudio(audio, where)
  checkNotEmpty(audio.samples, where)
  checkSamples(audio.samples, where)
  const { samples } = await resample(audio, sampleRate, { signal })
  // A few samples at a high rate can be none at a low one.
  checkNotEmpty(samples, where)
  return samples
}
