/** `diffwave evaluate`: how near a model's sound comes to real recordings. */
import { DiffWaveError } from '../../core/errors.js'
import { defineCommand } from '../command.js'
import { evaluateClips } from '../evaluate/clips.js'
import { evaluateCopies } from '../evaluate/copies.js'
import { type EvaluateOptions, evaluateOptions } from '../evaluate/options.js'
import { DEFAULT_VOCODER, openModel } from '../load.js'
import { checkFile, confirmOverwrite } from '../outputs/outputs.js'

/** What is evaluated: copies of recordings, which vocoders make, or clips, which generators make. */
type Evaluated = 'copies' | 'clips'

/** The options that only one of them takes. */
const own = { copies: ['mel', 'limit', 'refine'], clips: ['training', 'count', 'seconds', 'guidance'] } as const

/** @throws DiffWaveError `BAD_OPTION` for an option of the other kind */
function refuseOthers(evaluated: Evaluated, options: EvaluateOptions): void {
  const others = evaluated === 'clips' ? own.copies : own.clips
  const other = others.find(name => options[name] !== undefined)
  if (other === undefined) return
  throw new DiffWaveError('BAD_OPTION', `--${other} is for ${evaluated === 'clips' ? 'vocoders' : 'generators'}`, {
    hint:
      evaluated === 'clips'
        ? 'Clips are evaluated here, because the model is a generator or --training is given.'
        : 'Copies of recordings are evaluated here. For clips, use a generator, or --generated with --training.',
  })
}

export const command = defineCommand({
  name: 'evaluate',
  summary: 'Measure how close the sound of a model comes to recordings',
  details: [
    'A vocoder is measured three times: as shipped, with its last layer zeroed, and without phase refinement. The ' +
      'difference between the first two is what the network contributes.',
  ],
  guide: 'evaluation',
  group: 'Train and evaluate',
  arguments: [],
  options: evaluateOptions,
  examples: [
    'diffwave evaluate -m runs/voice/model --reference held-out -o report.html',
    'diffwave evaluate -m music --reference held-out --training recordings',
  ],
  run: async (context, _, options) => {
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
      refuseOthers(areClips ? 'clips' : 'copies', options)
      await (areClips ? evaluateClips : evaluateCopies)(context, model, options)
    } finally {
      await model?.dispose()
    }
  },
})
