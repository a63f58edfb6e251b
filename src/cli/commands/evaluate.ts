/** `diffwave evaluate`: how near a model's sound comes to real recordings. */
import { type Command, Option } from 'commander'
import { DiffWaveError } from '../../core/errors.js'
import { checkWritable } from '../../core/files.js'
import { loadModel } from '../../denoiser/load-model.js'
import { samplerNames } from '../../model/diffusion-config.js'
import { loadOptions, realNumber, steps, wholeNumber, withModel } from '../arguments.js'
import type { AddCommand } from '../command.js'
import { evaluateClips } from './evaluate-clips.js'
import { evaluateCopies } from './evaluate-copies.js'
import type { EvaluateOptions } from './evaluate-options.js'

export const addEvaluate: AddCommand = (program, run) => {
  const command = program.command('evaluate')
  withModel(command)
    .description('how near a vocoder’s copies come to recordings, or a generator’s clips to real ones')
    .requiredOption('--reference <dir>', 'folder of recordings; for a generator those held out of training')
    .option('-o, --output <report.html>', 'the report, with pictures and sound')
    .option('--generated <dir...>', 'folders of what was made before; no model runs unless -m is given')
    .option('--steps <n>', 'denoiser steps, or a schedule’s name', steps)
    .addOption(new Option('--sampler <sampler>', 'how noise is taken out').choices([...samplerNames]))
    .option('--eta <share>', 'noise that DDIM adds, 0 to 1', realNumber)
    .option('--seed <n>', 'the same seed gives the same numbers', wholeNumber)
    .option('--label <name>', 'one label, for models that have them; generators take all in turn')
    .optionsGroup('Vocoders:')
    .option('--mel <dir>', 'folder of the recordings’ mels, in place of computed ones')
    .option('--limit <n>', 'so many files, the first by name', wholeNumber)
    .option('--refine <iterations>', 'of phase refinement; 0: none (default: the model’s)', wholeNumber)
    .option('--no-baseline', 'without Griffin-Lim')
    .optionsGroup('Generators:')
    .option('--training <dir>', 'folder of the training clips: tells of memorisation and labels')
    .option('-n, --count <n>', 'clips to make (500)', wholeNumber)
    .option('--seconds <s>', 'length of a clip', realNumber)
    .option('--guidance <w>', 'classifier-free guidance', realNumber)
    .action(async (options: EvaluateOptions) => {
      const { context } = run()
      if (options.output !== undefined) await checkReport(options.output)
      const model = usesModel(command, options) ? await loadModel(options.model, loadOptions(options)) : null
      try {
        // Clips have no originals of their own: the training clips, or the model, say that they are meant.
        const clips = model === null ? options.training !== undefined : model.config.kind === 'generator'
        refuseOthers(clips, options)
        await (clips ? evaluateClips : evaluateCopies)(context, model, options)
      } finally {
        await model?.dispose()
      }
    })
}

/** A model runs where it is asked for, or where nothing else is. */
function usesModel(command: Command, { generated }: EvaluateOptions): boolean {
  return generated === undefined || command.getOptionValueSource('model') !== 'default'
}

const ofVocoders = ['mel', 'limit', 'refine'] as const
const ofGenerators = ['training', 'count', 'seconds', 'guidance'] as const

function refuseOthers(clips: boolean, options: EvaluateOptions): void {
  const other = (clips ? ofVocoders : ofGenerators).find(name => options[name] !== undefined)
  if (other === undefined) return
  throw new DiffWaveError('BAD_OPTION', `--${other} is for ${clips ? 'vocoders' : 'generators'}`, {
    hint: clips
      ? 'Clips are evaluated here, as the model is a generator or --training was given.'
      : 'Copies of recordings are evaluated here: for clips give a generator, or --generated with --training.',
  })
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
