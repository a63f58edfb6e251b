/** `diffwave resynthesize`: recordings to their mels and back. */
import type { command } from '../commands/resynthesize.js'
import type { Context } from '../context.js'
import { recordings } from '../inputs/inputs.js'
import { noteConversion, readRecording } from '../inputs/read-recording.js'
import type { Values } from '../option-spec.js'
import { vocodeFiles } from '../vocode-files.js'

export async function run(
  context: Context,
  words: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  return vocodeFiles(
    context,
    words,
    { kind: recordings, expand: async files => files },
    options,
    async (vocoder, input) => {
      const audio = await readRecording(context, input)
      noteConversion(context, input.name, audio, vocoder.sampleRate)
      const { mel, length } = await vocoder.analyse(audio)
      return { stream: more => vocoder.stream(mel, { ...more, length }) }
    },
  )
}
