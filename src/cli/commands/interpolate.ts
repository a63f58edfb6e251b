import { defineCommand } from '../command.js'
import { modelOptions, number, outputOptions, samplingOptions, text } from '../options.js'

export const command = defineCommand({
  name: 'interpolate',
  summary: 'Interpolate between two recordings of equal length',
  details: ['This needs a generator that was trained on sounds of the same kind, so there is no default model.'],
  guide: 'repair',
  group: 'Repair recordings',
  arguments: [
    { name: 'first', description: 'first recording, which a mix of 0 returns' },
    { name: 'second', description: 'second recording, which a mix of 1 returns' },
  ],
  options: {
    ...outputOptions,
    ...modelOptions(null),
    ...samplingOptions,
    mix: number('--mix <share>', 'position between the first (0) and the second (1)', { default: '0.5' }),
    step: number('--step <t>', 'diffusion step to mix at: early steps keep both, late ones make something new'),
    label: text('--label <name>', 'class of the recordings, for models with labels'),
  },
  examples: ['diffwave interpolate first.wav second.wav -o between.wav -m my-generator'],
})
