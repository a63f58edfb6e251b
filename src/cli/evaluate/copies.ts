/** `diffwave evaluate` for vocoders: copies of recordings are compared with them. */
import { basename, resolve } from 'node:path'
import { namedConventions } from '../../audio/mel/convention.js'
import { defined } from '../../core/defined.js'
import { REPORTED_FILES } from '../../core/limits.js'
import { drawSeed } from '../../core/seed.js'
import { Denoiser } from '../../denoiser/denoiser.js'
import { createEngine } from '../../engines/select.js'
import { vocoderJson, vocoderLines, vocoderReport } from '../../evaluation/report/vocoder-report.js'
import { modelSystems, type Synthesizer } from '../../evaluation/vocoder/model-systems.js'
import { folderSystem, griffinLimSystem, type System } from '../../evaluation/vocoder/system.js'
import { evaluateVocoder } from '../../evaluation/vocoder/vocoder-evaluation.js'
import { defaultIterations } from '../../model/diffusion-config.js'
import { readModel } from '../../model/read-model.js'
import { modelPath } from '../../model/shipped-models.js'
import { withZeroOutput } from '../../model/zero-output.js'
import { Vocoder } from '../../vocoder.js'
import type { EvaluateOptions } from '../commands/evaluate.js'
import type { Context } from '../context.js'
import { loadOptions, modelName } from '../load.js'
import { DEFAULT_VOCODER, sampling } from '../options.js'
import { modelFacts, modelValues, noteLeftOut, writeEvaluationReport } from './output.js'

/** @param model a vocoder; null: only the folders of `--generated` and Griffin-Lim */
export async function evaluateCopies(
  context: Context,
  model: Denoiser | null,
  options: EvaluateOptions,
): Promise<void> {
  const { reference, generated = [], mel, limit, seed = drawSeed(), baseline = true } = options
  const name = modelName(options, DEFAULT_VOCODER)
  const convention = model?.config.mel ?? namedConventions.tacotron2
  const folders = await Promise.all(generated.map(folderSystem))
  const own = model === null ? null : await ownSystems(model, { ...options, seed })
  try {
    const evaluation = await context.withProgress('evaluating', onProgress =>
      evaluateVocoder({
        reference,
        convention,
        systems: [...(own?.systems ?? []), ...folders, ...(baseline ? [griffinLimSystem(convention, seed)] : [])],
        ...defined({ mels: mel, limit }),
        keepAudio: options.output === undefined ? 0 : REPORTED_FILES,
        clock: () => performance.now() / 1000,
        signal: context.signal,
        onProgress,
      }),
    )
    noteLeftOut(context, evaluation.leftOut)
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
            model: name,
            ...modelFacts(model, options),
            refinement: String(options.refine ?? 'default'),
          }),
      seed: String(seed),
    }
    const measured = model === null ? generated.join(', ') || 'Griffin-Lim' : name
    await writeEvaluationReport(context, options, measured, title => vocoderReport(evaluation, title, facts))
    context.result(vocoderLines(evaluation), {
      reference,
      mels: mel ?? null,
      convention: convention.name,
      ...(model === null ? {} : { model: name, ...modelValues(model, options), refinement: options.refine ?? null }),
      seed,
      ...vocoderJson(evaluation),
    })
  } finally {
    await own?.zeroed?.dispose()
  }
}

/**
 * The model as systems; a second model with its last layer zeroed, to be disposed of, unless rows of it are not wanted.
 */
async function ownSystems(
  model: Denoiser,
  options: EvaluateOptions & { readonly seed: number },
): Promise<{ readonly systems: readonly System[]; readonly zeroed: Denoiser | null }> {
  const name = modelName(options, DEFAULT_VOCODER)
  const zeroed = options.ablation === false ? null : await zeroedModel(model, name, options)
  const more = { ...sampling(options), ...defined({ label: options.label }) }
  const synthesizer = (model: Denoiser): Synthesizer => {
    const vocoder = new Vocoder(model)
    return { synthesize: (mel, own) => vocoder.synthesize(mel, { ...more, ...own }) }
  }
  const systems = modelSystems({
    name: basename(resolve(name)),
    vocoder: synthesizer(model),
    zeroed: zeroed && synthesizer(zeroed),
    refine: options.refine,
    refines: defaultIterations(model.config.diffusion) > 0,
    seed: options.seed,
  })
  return { systems, zeroed }
}

/** The same model on an engine of its own, with its last layer zeroed. */
async function zeroedModel({ config }: Denoiser, name: string, options: EvaluateOptions): Promise<Denoiser> {
  const { parameters } = await readModel(await modelPath(name))
  return new Denoiser(
    config,
    await createEngine(config.network, withZeroOutput(parameters), loadOptions(options), config.mel),
  )
}
