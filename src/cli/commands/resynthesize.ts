import { defineCommand } from '../command.js'
import { vocodeOptions } from '../options.js'

export const command = defineCommand({
  name: 'resynthesize',
  summary: 'Turn recordings into mels and back into audio',
  group: 'Make audio',
  arguments: [
    { name: 'recording', description: 'recordings, folders of them, or - for standard input', variadic: true },
  ],
  options: vocodeOptions,
  examples: ['diffwave resynthesize recording.wav -o copy.wav'],
})
