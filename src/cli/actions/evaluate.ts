/** `diffwave evaluate`: how near a model's sound comes to real recordings. */
import { DiffWaveError } from '../../core/errors.js'
import { command, type EvaluateOptions } from '../commands/evaluate.js'
import type { Context } from '../context.js'
import { evaluateClips } from '../evaluate/clips.js'
import { evaluateCopies } from '../evaluate/copies.js'
import { openModel } from '../load.js'
import { DEFAULT_VOCODER, longName } from '../options.js'
import { checkFile, confirmOverwrite } from '../outputs/outputs.js'

/** What is evaluated: copies of recordings, which vocoders make, or clips, which generators make. */
type Evaluated = 'copies' | 'clips'

type OptionName = keyof EvaluateOptions

/** The options that only one of them takes. */
const own: Readonly<Record<Evaluated, readonly OptionName[]>> = {
  copies: ['mel', 'limit', 'refine', 'baseline', 'ablation'],
  clips: ['training', 'count', 'seconds', 'guidance'],
}

/** The options that say how a model makes its sound. */
const ofModels: readonly OptionName[] = [
  'engine',
  'threads',
  'precision',
  'steps',
  'sampler',
  'eta',
  'label',
  'refine',
  'ablation',
  'count',
  'guidance',
]

/** @throws DiffWaveError `BAD_OPTION` for an option that would have no effect */
function refuseOthers(evaluated: Evaluated, runsModel: boolean, options: EvaluateOptions): void {
  const refuse = (names: readonly OptionName[], whose: string, hint: string) => {
    // `--no-baseline` is true unless it is given.
    const other = names.find(name => options[name] !== undefined && options[name] !== true)
    if (other === undefined) return
    throw new DiffWaveError('BAD_OPTION', `${longName(command.options[other].flags)} is for ${whose}`, { hint })
  }
  if (evaluated === 'clips') {
    refuse(own.copies, 'vocoders', 'Clips are evaluated here, because the model is a generator or --training is given.')
  } else {
    const hint = 'Copies of recordings are evaluated here. For clips, use a generator, or --generated with --training.'
    refuse(own.clips, 'generators', hint)
  }
  if (!runsModel) refuse(ofModels, 'models', 'Only the files of --generated are measured. A model runs with -m.')
}

export async function run(context: Context, _: readonly string[], options: EvaluateOptions): Promise<void> {
  if (options.output !== undefined) {
    await checkFile(options.output, ['.html', '.htm'])
    await confirmOverwrite(context, [options.output], options.force)
  }
  // A model runs if it is named, or if nothing else is to be measured.
  const runs = options.model !== undefined || options.generated === undefined
  const model = runs ? await openModel(context, options, DEFAULT_VOCODER) : null
  try {
    // Clips have no originals of their own: the training clips, or the model, say that they are meant.
    const areClips = model === null ? options.training !== undefined : model.config.kind === 'generator'
    refuseOthers(areClips ? 'clips' : 'copies', runs, options)
    await (areClips ? evaluateClips : evaluateCopies)(context, model, options)
  } finally {
    await model?.dispose()
  }
}
