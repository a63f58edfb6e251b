/** Options that every sampling call takes, checked at the border. */
import { z } from 'zod'
import { MAX_DIFFUSION_STEPS } from '../core/limits.js'
import { abortSignal, type FieldsOf, onProgress, seed } from '../core/options.js'
import type { OnProgress } from '../core/progress.js'
import { type SamplerName, samplerNames } from '../model/diffusion-config.js'
import type { OnStep } from './watch.js'

/** How the reverse process is run: common to vocoder, generator and repairs. */
export interface SamplingOptions {
  /**
   * Number of denoiser steps, 1 to 4000, or the name of one of the model's schedules. Default: the model's number of
   * steps.
   */
  readonly steps?: number | string | undefined
  /** How one noise level follows from the one before. Default: the schedule's own sampler, or else the model's. */
  readonly sampler?: SamplerName | undefined
  /** DDIM's η, 0 to 1: 0 (default) adds no noise, 1 as much as ancestral sampling. Only with the sampler `ddim`. */
  readonly eta?: number | undefined
  /**
   * Seed of the noise, an integer from 0. The same seed makes the same bytes. Default: drawn, and reported in the
   * result.
   */
  readonly seed?: number | undefined
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Called as the work goes on, with denoiser work in samples × steps. */
  readonly onProgress?: OnProgress | undefined
}

/** Options of calls that make whole clips. */
export interface WholeClipOptions extends SamplingOptions {
  /**
   * Called after each reverse step, to watch and hear the process. The bytes of the result do not change; steps run one
   * after the other over the whole clip, which takes more memory and is somewhat slower. Streams refuse it: no step's
   * whole audio exists there.
   */
  readonly onStep?: OnStep | undefined
}

const samplingFields = {
  steps: z
    .union([z.number().int().min(1).max(MAX_DIFFUSION_STEPS), z.string().min(1)], {
      error: `expected 1 to ${MAX_DIFFUSION_STEPS} steps, or the name of a schedule`,
    })
    .optional(),
  sampler: z.enum(samplerNames).optional(),
  eta: z.number().min(0).max(1).optional(),
  seed: seed.optional(),
  signal: abortSignal.optional(),
  onProgress: onProgress.optional(),
} satisfies FieldsOf<SamplingOptions>

export const wholeClipFields = {
  ...samplingFields,
  onStep: z.custom<OnStep>(value => typeof value === 'function', 'expected a function').optional(),
} satisfies FieldsOf<WholeClipOptions>

/** Of streams, where `onStep` is refused with a reason. */
export const streamFields = {
  ...samplingFields,
  onStep: z
    .undefined({ error: 'a stream cannot be watched, its steps run piece by piece: use a call that makes whole clips' })
    .optional(),
}

/** A label's name; null: none. */
export const labelField = z.string().nullable()
