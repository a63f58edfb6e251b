/** `diffwave evaluate`: how near a model's copies of recordings come to them. */
import { basename, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { namedConventions } from '../audio/convention.js'
import { DiffWaveError } from '../errors.js'
import { folderSystem, griffinLimSystem, type System } from '../evaluation/system.js'
import { evaluateVocoder } from '../evaluation/vocoder-evaluation.js'
import { vocoderJson, vocoderLines, vocoderReport } from '../evaluation/vocoder-report.js'
import { checkWritable, writeFileBytes } from '../files.js'
import { REPORTED_FILES } from '../limits.js'
import { loadModel } from '../load-model.js'
import { samplerNames } from '../model/config.js'
import type { Model } from '../model.js'
import { drawSeed } from '../seed.js'
import { Vocoder } from '../vocoder.js'
import {
  loadOptions,
  type ModelOptions,
  realNumber,
  type SamplingOptions,
  samplingOptions,
  steps,
  wholeNumber,
  withModel,
} from './arguments.js'
import type { AddCommand } from './command.js'
import type { Context } from './context.js'

interface EvaluateOptions extends ModelOptions, Omit<SamplingOptions, 'format' | 'picture'> {
  readonly reference: string
  readonly output?: string
  readonly generated?: readonly string[]
  readonly mel?: string
  readonly limit?: number
  readonly baseline: boolean
  readonly label?: string
}

export const addEvaluate: AddCommand = (program, run) => {
  const command = program.command('evaluate')
  withModel(command)
    .description('how near copies of recordings come to them: a report')
    .requiredOption('--reference <dir>', 'folder of recordings')
    .option('-o, --output <report.html>', 'the report, with pictures and sound')
    .option('--generated <dir...>', 'folders of copies made before, matched by name; no model runs unless -m is given')
    .option('--mel <dir>', 'folder of the recordings’ mels, in place of computed ones')
    .option('--limit <n>', 'so many files, the first by name', wholeNumber)
    .option('--no-baseline', 'without Griffin-Lim')
    .option('--steps <n>', 'denoiser steps, or a schedule’s name', steps)
    .addOption(new Option('--sampler <sampler>', 'how noise is taken out').choices([...samplerNames]))
    .option('--eta <share>', 'noise that DDIM adds, 0 to 1', realNumber)
    .option('--seed <n>', 'the same seed gives the same copies', wholeNumber)
    .option('--label <name>', 'the voice, for models that have labels')
    .action(async (options: EvaluateOptions) => {
      const { context } = run()
      if (options.output !== undefined) await checkReport(options.output)
      const model = usesModel(command, options) ? await loadModel(options.model, loadOptions(options)) : null
      try {
        await evaluateCopies(context, model, options)
      } finally {
        await model?.dispose()
      }
    })
}

/** A model runs where it is asked for, or where nothing else is. */
function usesModel(command: Command, { generated }: EvaluateOptions): boolean {
  return generated === undefined || command.getOptionValueSource('model') !== 'default'
}

async function checkReport(path: string): Promise<void> {
  if (!/\.html?$/i.test(path)) {
    throw new DiffWaveError('BAD_OPTION', 'reports are not written in this format', {
      expected: 'a file that ends in .html',
      got: path,
      hint: 'With --json the numbers go to stdout.',
    })
  }
  await checkWritable(path)
}

async function evaluateCopies(context: Context, model: Model | null, options: EvaluateOptions): Promise<void> {
  const { reference, generated = [], mel, limit, seed = drawSeed() } = options
  const convention = model?.config.mel ?? namedConventions.tacotron2
  const folders = await Promise.all(generated.map(folderSystem))
  const systems = [
    ...(model === null ? [] : [modelSystem(model, { ...options, seed })]),
    ...folders,
    ...(options.baseline ? [griffinLimSystem(convention, seed)] : []),
  ]
  const evaluation = await context.withProgress('evaluating', report =>
    evaluateVocoder({
      reference,
      convention,
      systems,
      ...(mel === undefined ? {} : { mels: mel }),
      ...(limit === undefined ? {} : { limit }),
      keepAudio: options.output === undefined ? 0 : REPORTED_FILES,
      clock: () => performance.now() / 1000,
      signal: context.signal,
      onProgress: report,
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
function modelSystem(model: Model, options: EvaluateOptions & { readonly seed: number }): System {
  const vocoder = new Vocoder(model)
  return {
    name: basename(resolve(options.model)),
    timed: true,
    make: ({ mel, length, index }, signal) =>
      vocoder.synthesize(mel, {
        ...samplingOptions(options),
        seed: options.seed + index,
        ...(options.label === undefined ? {} : { label: options.label }),
        length,
        ...(signal === undefined ? {} : { signal }),
      }),
  }
}
