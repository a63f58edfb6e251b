/**
 * Options that several operations share. They are those of the library, with descriptions for the API’s documentation.
 */
import { z } from 'zod'
import { wavFormats } from '../../audio/codecs/wav-bytes.js'
import { MAX_REFINEMENT_ITERATIONS } from '../../core/limits.js'
import { seed } from '../../core/options.js'
import { samplerNames } from '../../model/diffusion-config.js'
import { stepCount } from '../../synthesis/options.js'

/** Characters of a name in a request. */
const MAX_NAME = 200
const name = z.string().min(1).max(MAX_NAME)

export const model = (kind: string) =>
  name.optional().describe(`Name of a model of the service. Default: its first ${kind}.`)

export const sampling = {
  steps: z
    .union([stepCount, name])
    .optional()
    .describe('Number of denoiser steps, or the name of one of the model’s noise schedules. Default: the model’s.'),
  sampler: z.enum(samplerNames).optional().describe('Sampling algorithm. Default: the schedule’s or the model’s.'),
  eta: z.number().min(0).max(1).optional().describe('Noise that the sampler ddim adds, 0 to 1. Default: 0.'),
  seed: seed.optional().describe('Seed of the noise: the same seed makes the same bytes. Default: drawn.'),
} as const

/** Of operations that do not start from pure noise: named schedules do not apply. */
export const countedSteps = stepCount.optional().describe('Number of denoiser steps. Default: the model’s.')

export const label = name
  .nullable()
  .optional()
  .describe('Voice or class that the model was trained on, null for none. Default: drawn by a generator, else none.')

export const refine = z
  .number()
  .int()
  .min(0)
  .max(MAX_REFINEMENT_ITERATIONS)
  .optional()
  .describe('Iterations of phase refinement after sampling, 0 to disable. Default: the model’s.')

export const format = z
  .enum(wavFormats)
  .default('16')
  .describe('Sample format of the WAV: bits of an integer, or 32f for float.')

/** Which mel of a file. */
export const melChoice = {
  key: name.optional().describe('Name of the array, in files that hold several. Default: mel, or the only one.'),
  index: z.number().int().min(0).max(1e9).optional().describe('Which mel of a batch [mels, bands, frames], from 0.'),
} as const
