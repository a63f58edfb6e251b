/** `diffwave evaluate` for generators: generated clips are compared with real ones as sets. */
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_COMPARED_SECONDS, REPORTED_FILES } from '../../core/limits.js'
import { drawSeed } from '../../core/seed.js'
import type { Denoiser } from '../../denoiser/denoiser.js'
import { evaluateGenerator } from '../../evaluation/generator/evaluate-generator.js'
import {
  type GeneratedClips,
  labelsInTurn,
  readGeneratedClips,
  usualSeconds,
} from '../../evaluation/generator/generated-clips.js'
import { ENOUGH_CLIPS } from '../../evaluation/generator/generator-evaluation.js'
import { generatorJson, generatorLines, generatorReport } from '../../evaluation/report/generator-report.js'
import { Generator } from '../../generator.js'
import type { EvaluateOptions } from '../commands/evaluate.js'
import type { Context } from '../context.js'
import { modelName } from '../load.js'
import { DEFAULT_VOCODER, sampling } from '../options.js'
import { modelFacts, modelValues, noteLeftOut, writeEvaluationReport } from './output.js'

/** @param model a generator; null: the clips are those of `--generated` */
export async function evaluateClips(context: Context, model: Denoiser | null, options: EvaluateOptions): Promise<void> {
  const { reference, training, generated: folders = [], seed = drawSeed() } = options
  const name = modelName(options, DEFAULT_VOCODER)
  checkSource(model === null ? null : name, folders)
  const start = performance.now()
  const made =
    model === null
      ? await readGeneratedClips(folders[0]!, context.signal)
      : await generate(context, model, { ...options, seed })
  const elapsed = (performance.now() - start) / 1000
  // Longer clips are cut.
  const seconds = Math.min(MAX_COMPARED_SECONDS, options.seconds ?? usualSeconds(made.clips, made.sampleRate))
  const evaluation = await context.withProgress('evaluating', onProgress =>
    evaluateGenerator({
      generated: made.clips,
      reference,
      ...defined({ training }),
      sampleRate: made.sampleRate,
      seconds,
      seed,
      signal: context.signal,
      onProgress,
    }),
  )
  const leftOut = [...made.leftOut, ...evaluation.leftOut]
  noteLeftOut(context, leftOut)
  const soundSeconds = made.clips.reduce((sum, { samples }) => sum + samples.length, 0) / made.sampleRate
  const realTimeFactor = model === null ? null : elapsed / soundSeconds
  const facts = {
    generated: model === null ? folders[0]! : name,
    reference,
    training: training ?? 'none',
    ...(model === null
      ? {}
      : {
          ...modelFacts(model, options),
          guidance: String(options.guidance ?? 'default'),
          realTimeFactor: realTimeFactor!.toFixed(3),
        }),
    seed: String(seed),
  }
  const all = { ...evaluation, leftOut }
  await writeEvaluationReport(context, options, facts.generated, title =>
    generatorReport(all, title, facts, made.clips.slice(0, REPORTED_FILES)),
  )
  context.result(generatorLines(all), {
    generated: facts.generated,
    reference,
    training: training ?? null,
    ...(model === null ? {} : { ...modelValues(model, options), guidance: options.guidance ?? null }),
    seed,
    realTimeFactor,
    ...generatorJson(all),
  })
}

/** @throws DiffWaveError `BAD_OPTION` unless the clips come from one source */
function checkSource(model: string | null, folders: readonly string[]): void {
  if (folders.length === (model === null ? 1 : 0)) return
  throw new DiffWaveError('BAD_OPTION', 'clips come from a generator or from one folder', {
    expected: '-m with a generator, or one folder with --generated',
    got: [...(model === null ? [] : [model]), ...folders].join(', '),
  })
}

/**
 * Generates clips of all labels in turn, of one label, or of labels that the model draws. Clip i has the seed plus i.
 */
async function generate(
  context: Context,
  model: Denoiser,
  options: EvaluateOptions & { readonly seed: number },
): Promise<GeneratedClips> {
  const generator = new Generator(model)
  const { label, seconds, guidance, count = ENOUGH_CLIPS } = options
  const clips = await context.withProgress('generating', onProgress =>
    generator.generate({
      ...sampling(options),
      count,
      labels: labelsInTurn(generator.labels, model.config.labelShares !== null, label),
      ...defined({ seconds, guidance }),
      signal: context.signal,
      onProgress,
    }),
  )
  return {
    clips: clips.map(({ samples, seed, label }) => ({ name: String(seed), samples, label: label ?? '' })),
    sampleRate: generator.sampleRate,
    leftOut: [],
  }
}
