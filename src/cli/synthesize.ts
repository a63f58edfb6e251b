/** `diffwave synthesize`: mels in, WAVs out. */
import { readMel } from '../formats/mel-file.js'
import type { AddCommand } from './command.js'
import { vocodeFiles } from './vocode-files.js'

export const addSynthesize: AddCommand = (program, run) => {
  const command = program.command('synthesize <mel...>').description('mel spectrograms (.npy, .pt, .safetensors) → WAV')
  vocodeFiles(command, run, async (vocoder, input, context) => {
    const { mel, transposed } = await readMel(input, vocoder.config.mel!.bands)
    if (transposed) context.note(`${input} is [frames × bands]; it was turned`)
    return { synthesize: options => vocoder.synthesize(mel, options), extra: { transposed } }
  })
}
