/** `diffwave synthesize`: mels in, WAVs or a pipe out, in bounded memory. */
import { checkMelFor } from '../../audio/mel/mel.js'
import { throwIfAborted } from '../../core/errors.js'
import { openMel } from '../../formats/mel-stream.js'
import type { AddCommand } from '../command.js'
import { vocodeFiles } from '../vocode-files.js'

export const addSynthesize: AddCommand = (program, run) => {
  const command = program.command('synthesize <mel...>').description('mel spectrograms (.npy, .pt, .safetensors) → WAV')
  vocodeFiles(command, run, async (vocoder, input, context) => {
    const convention = vocoder.config.mel!
    const mel = await openMel(input, convention.bands)
    // Once through the file before the work: a mel that does not fit is refused before any audio goes out.
    for await (const piece of mel) {
      throwIfAborted(context.signal)
      checkMelFor(piece, convention, input)
    }
    if (mel.transposed) context.note(`${input} is [frames × bands]; it was turned`)
    return { stream: options => vocoder.stream(mel, options), extra: { transposed: mel.transposed } }
  })
}
