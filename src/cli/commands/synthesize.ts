/** `diffwave synthesize`: mels in, WAVs or a pipe out, in bounded memory. */
import { throwIfAborted } from '../../core/errors.js'
import { defineCommand } from '../command.js'
import { mels } from '../inputs.js'
import { noteMel } from '../mel-notes.js'
import { vocodeFiles, vocodeOptions } from '../vocode-files.js'

export const command = defineCommand({
  name: 'synthesize',
  summary: 'Audio from mel spectrograms',
  details: ['The mel must be of the model’s own convention; `diffwave inspect` prints both.'],
  group: 'Make audio',
  arguments: [
    {
      name: 'mel',
      description: 'mel spectrograms (.npy, .pt, .safetensors), folders of them, or - for standard input',
      variadic: true,
    },
  ],
  options: vocodeOptions,
  examples: [
    'diffwave synthesize mel.npy -o speech.wav --steps 6 --seed 1',
    'diffwave synthesize mel.npy --stdout | aplay',
  ],
  run: (context, words, options) =>
    vocodeFiles(context, words, mels, options, async (vocoder, { name, path }) => {
      const [{ checkMelFor }, { MelStatistics }, { openMel }] = await Promise.all([
        import('../../audio/mel/mel.js'),
        import('../../audio/mel/scale.js'),
        import('../../formats/mel-stream.js'),
      ])
      const convention = vocoder.config.mel!
      const mel = await openMel(path, convention.bands)
      const statistics = new MelStatistics()
      // Once through the file before the work: a mel that does not fit is refused before any audio goes out.
      for await (const piece of mel) {
        throwIfAborted(context.signal)
        checkMelFor(piece, convention, name)
        statistics.add(piece)
      }
      await noteMel(context, name, mel, statistics, convention)
      return { stream: more => vocoder.stream(mel, more), extra: { transposed: mel.transposed } }
    }),
})
