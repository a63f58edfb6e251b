/** `diffwave synthesize`: mels in, WAVs or a pipe out, in bounded memory. */
import type { MelConvention } from '../../audio/mel/convention.js'
import { throwIfAborted } from '../../core/errors.js'
import type { StoredMel } from '../../formats/mel-stream.js'
import { melLogChoices } from '../choices.js'
import { defineCommand, type Values } from '../command.js'
import { type Input, mels } from '../inputs/inputs.js'
import { eachMel, MelOpener, melFileOptions } from '../inputs/mel-inputs.js'
import { noteMel } from '../inputs/mel-notes.js'
import { melNumbers } from '../inputs/mel-numbers.js'
import { choice, text } from '../options.js'
import { vocodeFiles, vocodeOptions } from '../vocode-files.js'

const FOREIGN = 'Mels of other toolkits'

const foreignOptions = {
  melLog: choice('--mel-log <log>', 'logarithm of the mels (default: the model’s)', melLogChoices, { group: FOREIGN }),
  melStats: text('--mel-stats <file>', 'mean and standard deviation per band by which the mels were normalised', {
    group: FOREIGN,
  }),
  ...melFileOptions(FOREIGN),
}

/** The mel in the model's numbers, still piece by piece. */
async function rescaled(
  mel: StoredMel,
  { melLog, melStats }: Values<typeof foreignOptions>,
  convention: MelConvention,
): Promise<StoredMel> {
  if (melLog === undefined && melStats === undefined) return mel
  const { rescaleMel } = await import('../../audio/mel/rescale.js')
  const numbers = await melNumbers(melLog, melStats)
  async function* pieces() {
    for await (const piece of mel) yield rescaleMel(piece, numbers, convention)
  }
  const { bands, frames, transposed } = mel
  return { bands, frames, transposed, [Symbol.asyncIterator]: pieces }
}

export const command = defineCommand({
  name: 'synthesize',
  summary: 'Make audio from mel spectrograms',
  details: [
    'The mel must follow the model’s mel convention. `diffwave inspect` prints the convention of a model, and those ' +
      'that a mel may follow. --mel-log and --mel-stats convert another logarithm and normalisation. Another hop, ' +
      'rate or filter bank cannot be converted.',
    'A file may contain a batch [mels × bands × frames]: batch.npy becomes batch-0.wav, batch-1.wav and so on in the ' +
      'folder that -o names.',
  ],
  guide: 'mel-spectrograms',
  group: 'Make audio',
  arguments: [
    {
      name: 'mel',
      description: 'mel spectrograms (.npy, .npz, .pt, .safetensors), folders of them, or - for standard input',
      variadic: true,
    },
  ],
  options: { ...vocodeOptions, ...foreignOptions },
  examples: [
    'diffwave synthesize mel.npy -o speech.wav --steps 6 --seed 1',
    'diffwave synthesize mel.npy --stdout | aplay',
  ],
  run: (context, words, options) => {
    let opener: MelOpener | undefined
    const inputs = { kind: mels, expand: (files: readonly Input[]) => eachMel(files, options, context.signal) }
    return vocodeFiles(context, words, inputs, options, async (vocoder, input) => {
      const [{ checkMelFor }, { MelSummary }] = await Promise.all([
        import('../../audio/mel/check-mel.js'),
        import('../../audio/mel/value-scale.js'),
      ])
      const convention = vocoder.config.mel
      opener ??= new MelOpener(options, convention.bands)
      const mel = await rescaled(await opener.open(input), options, convention)
      const summary = new MelSummary()
      // Once through the file before the work: a mel that does not fit is refused before any audio goes out.
      for await (const piece of mel) {
        throwIfAborted(context.signal)
        checkMelFor(piece, convention, input.name)
        summary.add(piece)
      }
      await noteMel(context, input.name, mel, summary, convention)
      return { stream: more => vocoder.stream(mel, more), extra: { transposed: mel.transposed } }
    })
  },
})
