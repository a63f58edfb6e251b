/** Options that vocoder and generator share, checked at the border. */
import { z } from 'zod'
import { MAX_DIFFUSION_STEPS } from '../core/limits.js'
import { abortSignal, onProgress, seed } from '../core/options.js'
import { samplerNames } from '../model/diffusion-config.js'

export const samplingOptions = {
  /** Number of denoiser steps, or the name of one of the model's schedules; the model's default where not given. */
  steps: z.union([z.number().int().min(1).max(MAX_DIFFUSION_STEPS), z.string().min(1)]).optional(),
  /** The model's default where not given. */
  sampler: z.enum(samplerNames).optional(),
  /** DDIM's η: 0 adds no noise, 1 as much as ancestral sampling. */
  eta: z.number().min(0).max(1).optional(),
  /** Drawn and reported where not given. */
  seed: seed.optional(),
  signal: abortSignal.optional(),
  /** Denoiser work done, in samples × passes. */
  onProgress: onProgress.optional(),
}

/** Audio a model made, and what it takes to make it again. */
export interface Synthesis {
  readonly samples: Float32Array
  /** Hz. */
  readonly sampleRate: number
  readonly seed: number
  /** Denoiser steps taken. */
  readonly steps: number
}

/** Audio that comes piece by piece as it becomes final. */
export interface AudioStream extends AsyncGenerator<Float32Array, void, undefined> {
  /** Hz. */
  readonly sampleRate: number
  readonly seed: number
  /** Denoiser steps taken. */
  readonly steps: number
  /** Samples in all; null where only the end of the mel will tell. */
  readonly length: number | null
  /** Samples that the first audio waits for beyond its own: the receptive fields of all passes and the mel's. An engine that runs
   * windows of fixed places waits for the end of one besides, once a pass. */
  readonly lookAhead: number
}
