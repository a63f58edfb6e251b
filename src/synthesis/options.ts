/** The options that every sampling call takes, and their schemas. */
import { z } from 'zod'
import { MAX_DIFFUSION_STEPS } from '../core/limits.js'
import { abortSignal, callback, type FieldsOf, onProgress, seed } from '../core/options.js'
import type { OnProgress } from '../core/progress.js'
import { type SamplerName, samplerNames } from '../model/diffusion-config.js'
import type { OnStep, SamplingStep } from './sampling-step.js'

/** Options of the reverse process, which vocoder, generator and repairs share. */
export interface SamplingOptions {
  /**
   * Number of denoiser steps, 1 to 4000, or the name of one of the model's schedules. Default: the model's number of
   * steps.
   */
  readonly steps?: number | string | undefined
  /**
   * How the process gets from one noise level to the next: `ddpm`, `ddim` or `dpm-solver++`. Default: the sampler that
   * the schedule names, else the model's default.
   */
  readonly sampler?: SamplerName | undefined
  /**
   * DDIM's η, 0 to 1: 0 adds no noise, 1 adds as much as ancestral sampling. Only for the sampler `ddim`. Default: 0.
   */
  readonly eta?: number | undefined
  /**
   * Seed of the noise, a non-negative integer. The same seed makes the same bytes. Default: a random seed, which the
   * result reports.
   */
  readonly seed?: number | undefined
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Called as the work goes on. The unit of its numbers is samples × steps. */
  readonly onProgress?: OnProgress | undefined
}

/** Options of calls that make whole clips. */
export interface WholeClipOptions extends SamplingOptions {
  /**
   * Called after each reverse step, to watch and hear the process. The result has the same bytes, but each step then
   * runs over the whole clip before the next one starts, which takes more memory and is somewhat slower. Streams refuse
   * this option, as they never hold the whole audio of a step.
   */
  readonly onStep?: OnStep | undefined
}

/** Number of steps of a process that does not start from pure noise: named schedules do not apply. */
export const stepCount = z.number().int().min(1).max(MAX_DIFFUSION_STEPS)

const samplingFields = {
  steps: z
    .union([stepCount, z.string().min(1)], {
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
  onStep: callback<SamplingStep>().optional(),
} satisfies FieldsOf<WholeClipOptions>

/** The fields for streams, in which `onStep` is refused with a reason. */
export const streamFields = {
  ...samplingFields,
  onStep: z
    .undefined({ error: 'a stream cannot be watched, its steps run piece by piece: use a call that makes whole clips' })
    .optional(),
}

/** Name of a label; null for no label. */
export const labelField = z.string().nullable()
