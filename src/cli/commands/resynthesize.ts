/** `diffwave resynthesize`: recordings to their mels and back. */
import { readWav } from '../../audio/codecs/wav.js'
import type { AddCommand } from '../command.js'
import { vocodeFiles } from '../vocode-files.js'

export const addResynthesize: AddCommand = (program, run) => {
  const command = program
    .command('resynthesize <wav...>')
    .description('recordings → mel → WAV: what the model makes of them')
  vocodeFiles(command, run, async (vocoder, input, context) => {
    const audio = await readWav(input)
    if (audio.sampleRate !== vocoder.sampleRate) {
      context.note(`${input} was resampled from ${audio.sampleRate} to ${vocoder.sampleRate} Hz`)
    }
    const { mel, length } = await vocoder.analyse(audio)
    return { stream: options => vocoder.stream(mel, { ...options, length }) }
  })
}
