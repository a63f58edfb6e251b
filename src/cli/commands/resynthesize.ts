/** `diffwave resynthesize`: recordings to their mels and back. */
import { defineCommand } from '../command.js'
import { recordings } from '../inputs/inputs.js'
import { noteConversion, readRecording } from '../inputs/read-recording.js'
import { vocodeFiles, vocodeOptions } from '../vocode-files.js'

export const command = defineCommand({
  name: 'resynthesize',
  summary: 'Copy recordings through their mels, with a vocoder',
  group: 'Make audio',
  arguments: [
    { name: 'recording', description: 'recordings, folders of them, or - for standard input', variadic: true },
  ],
  options: vocodeOptions,
  examples: ['diffwave resynthesize recording.wav -o copy.wav'],
  run: (context, words, options) =>
    vocodeFiles(context, words, { kind: recordings, expand: async files => files }, options, async (vocoder, input) => {
      const audio = await readRecording(context, input)
      noteConversion(context, input.name, audio, vocoder.sampleRate)
      const { mel, length } = await vocoder.analyse(audio)
      return { stream: more => vocoder.stream(mel, { ...more, length }) }
    }),
})
