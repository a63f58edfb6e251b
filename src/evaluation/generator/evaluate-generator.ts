/** Evaluates generators: the public call, which loads the work only when it is used. */
import { z } from 'zod'
import { isFloat32Array } from '../../core/any-realm.js'
import { MAX_COMPARED_SECONDS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../../core/limits.js'
import { abortSignal, check, type FieldsOf, onProgress, seed } from '../../core/options.js'
import type { ClipAudio } from './clip-set.js'
import type { GeneratorEvaluation, GeneratorEvaluationOptions } from './generator-evaluation.js'

const labelSchema = z.union([z.string(), z.array(z.object({ from: z.number(), label: z.string() }))])

const optionsSchema = z.strictObject({
  generated: z.array(
    z.custom<ClipAudio>(value => {
      const { name, samples, label } = Object(value) as Partial<ClipAudio>
      return typeof name === 'string' && isFloat32Array(samples) && labelSchema.safeParse(label).success
    }, "expected { name, label, samples }, with the label '' if there is none"),
  ),
  reference: z.string().min(1),
  training: z.string().min(1).optional(),
  sampleRate: z.number().int().min(MIN_SAMPLE_RATE).max(MAX_SAMPLE_RATE),
  seconds: z.number().positive().max(MAX_COMPARED_SECONDS),
  seed,
  signal: abortSignal.optional(),
  onProgress: onProgress.optional(),
} satisfies FieldsOf<GeneratorEvaluationOptions>)

/**
 * Evaluates a generator by its clips. Real recordings that cannot be read, and silent parts of them, are left out.
 * Silent generated clips count.
 *
 * @throws DiffWaveError `BAD_DATA` if a set has fewer than two clips, `FILE_NOT_FOUND`, `BAD_AUDIO`, `NOT_FINITE`,
 * `ABORTED`
 * @example
 * const clips = await generator.generate({ count: 500, seed: 1 })
 * const { frechet } = await evaluateGenerator({
 *   generated: clips.map(({ samples, seed, label }) => ({ name: String(seed), samples, label: label ?? '' })),
 *   reference: 'held-out',
 *   sampleRate: generator.sampleRate,
 *   seconds: 1,
 *   seed: 1,
 * })
 * console.log(frechet.toReference.generated)
 */
export async function evaluateGenerator(options: GeneratorEvaluationOptions): Promise<GeneratorEvaluation> {
  check(optionsSchema, options, 'evaluateGenerator options')
  const { evaluateSets } = await import('./evaluate-sets.js')
  return evaluateSets(options)
}
