/** `diffwave evaluate` for vocoders: copies of recordings beside them. */
import { basename, resolve } from 'node:path'
import { namedConventions } from '../../audio/mel/convention.js'
import { writeFileBytes } from '../../core/files.js'
import { REPORTED_FILES } from '../../core/limits.js'
import { drawSeed } from '../../core/seed.js'
import type { Denoiser } from '../../denoiser/denoiser.js'
import { vocoderJson, vocoderLines, vocoderReport } from '../../evaluation/report/vocoder-report.js'
import { folderSystem, griffinLimSystem, type System } from '../../evaluation/vocoder/system.js'
import { evaluateVocoder } from '../../evaluation/vocoder/vocoder-evaluation.js'
import { Vocoder } from '../../vocoder.js'
import { samplingOptions } from '../arguments.js'
import type { Context } from '../context.js'
import type { EvaluateOptions } from './evaluate-options.js'

/** @param model a vocoder; null: only what `--generated` names, and Griffin-Lim */
export async function evaluateCopies(
  context: Context,
  model: Denoiser | null,
  options: EvaluateOptions,
): Promise<void> {
  const { reference, generated = [], mel, limit, seed = drawSeed() } = options
  const convention = model?.config.mel ?? namedConventions.tacotron2
  const folders = await Promise.all(generated.map(folderSystem))
  const systems = [
    ...(model === null ? [] : [modelSystem(model, { ...options, seed })]),
    ...folders,
    ...(options.baseline ? [griffinLimSystem(convention, seed)] : []),
  ]
  const evaluation = await context.withProgress('evaluating', onProgress =>
    evaluateVocoder({
      reference,
      convention,
      systems,
      ...(mel === undefined ? {} : { mels: mel }),
      ...(limit === undefined ? {} : { limit }),
      keepAudio: options.output === undefined ? 0 : REPORTED_FILES,
      clock: () => performance.now() / 1000,
      signal: context.signal,
      onProgress,
    }),
  )
  for (const { file, reason } of evaluation.leftOut) context.note(`left out: ${file}: ${reason}`)
  for (const { name, lengthDifferences } of evaluation.files) {
    for (const [system, samples] of lengthDifferences) {
      if (Math.abs(samples) > convention.hop) context.note(`${name}: ${system} is ${samples} samples longer`)
    }
  }
  const facts = {
    reference,
    mels: mel ?? `computed, ${convention.name}`,
    ...(model === null
      ? {}
      : {
          model: options.model,
          engine: `${model.engine.name}, ${model.engine.device}`,
          steps: String(options.steps ?? 'default'),
          sampler: options.sampler ?? 'default',
          refinement: String(options.refine ?? 'default'),
        }),
    seed: String(seed),
  }
  if (options.output !== undefined) {
    const title = `diffwave evaluate: ${model === null ? generated.join(', ') || 'Griffin-Lim' : options.model}`
    await writeFileBytes(options.output, vocoderReport(evaluation, title, facts))
  }
  for (const line of context.json ? [''] : vocoderLines(evaluation)) {
    context.result(line, { ...facts, seed, ...vocoderJson(evaluation) })
  }
}

/** The model as one of the systems; clip i has the seed plus i, as in batches. */
function modelSystem(model: Denoiser, options: EvaluateOptions & { readonly seed: number }): System {
  const vocoder = new Vocoder(model)
  return {
    name: basename(resolve(options.model)),
    timed: true,
    make: ({ mel, length, index }, signal) =>
      vocoder.synthesize(mel, {
        ...samplingOptions(options),
        seed: options.seed + index,
        ...(options.refine === undefined ? {} : { refine: options.refine }),
        ...(options.label === undefined ? {} : { label: options.label }),
        length,
        ...(signal === undefined ? {} : { signal }),
      }),
  }
}
