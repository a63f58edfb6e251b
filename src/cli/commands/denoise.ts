import { defineCommand } from '../command.js'
import { shard } from '../inputs/shard.js'
import { modelOptions, number, outputOptions, samplingOptions, text } from '../options.js'

export const command = defineCommand({
  name: 'denoise',
  summary: 'Remove noise from recordings',
  details: ['This needs a generator that was trained on sounds of the same kind, so there is no default model.'],
  guide: 'repair',
  group: 'Repair recordings',
  arguments: [
    { name: 'recording', description: 'recordings, folders of them, or - for standard input', variadic: true },
  ],
  options: {
    ...outputOptions,
    ...modelOptions(null),
    ...samplingOptions,
    snr: number('--snr <dB>', 'signal-to-noise ratio of the recordings (default: estimated)'),
    noise: number('--noise <rms>', 'root mean square of the noise, in units of full scale'),
    step: number('--step <t>', 'diffusion step to start at, instead of a noise level'),
    label: text('--label <name>', 'class of the recordings, for models that have labels'),
    shard,
  },
  examples: ['diffwave denoise noisy.wav -o clean.wav -m my-generator'],
})
