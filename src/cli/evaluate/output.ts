/** The output that the evaluations of vocoders and of generators have in common. */
import type { Denoiser } from '../../denoiser/denoiser.js'
import { writeReport } from '../../evaluation/report/write-report.js'
import type { EvaluateOptions } from '../commands/evaluate.js'
import type { Context } from '../context.js'

/** How a model made its sound, for `--json`; null: the model's default. */
export function modelValues({ engine }: Denoiser, { steps, sampler }: EvaluateOptions) {
  return { engine: engine.name, device: engine.device, steps: steps ?? null, sampler: sampler ?? null }
}

/** The same as facts of a report. */
export function modelFacts({ engine }: Denoiser, { steps, sampler }: EvaluateOptions) {
  return {
    engine: `${engine.name}, ${engine.device}`,
    steps: String(steps ?? 'default'),
    sampler: sampler ?? 'default',
  }
}

/** Notes the files that are left out. */
export function noteLeftOut(
  context: Context,
  leftOut: readonly { readonly file: string; readonly reason: string }[],
): void {
  for (const { file, reason } of leftOut) context.note(`left out: ${file}: ${reason}`)
}

/**
 * Writes the report if `--output` names a file.
 *
 * @param measured what the title says was measured
 * @param make the page under a title
 */
export async function writeEvaluationReport(
  { signal }: Context,
  { output }: EvaluateOptions,
  measured: string,
  make: (title: string) => string,
): Promise<void> {
  if (output === undefined) return
  await writeReport(output, make(`diffwave evaluate: ${measured}`), signal)
}
