import { defineCommand } from '../command.js'

export const command = defineCommand({
  name: 'inspect',
  summary: 'Describe mels, recordings, checkpoints and models',
  group: 'Mels and models',
  arguments: [
    {
      name: 'path',
      description: 'files, model folders, names of shipped models, or - for standard input',
      variadic: true,
    },
  ],
  options: {},
  examples: ['diffwave inspect speech', 'diffwave inspect mel.npy recording.wav'],
})
