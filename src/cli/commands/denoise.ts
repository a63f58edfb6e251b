import { defineCommand } from '../command.js'
import { shard } from '../inputs/shard.js'
import { modelOptions, number, outputOptions, samplingOptions, text } from '../options.js'

export const command = defineCommand({
  name: 'denoise',
  summary: 'Remove noise from recordings of sounds that a model was trained on',
  details: [
    'A generator removes noise only from sounds like those that it was trained on, so there is no default model. Of ' +
      'the shipped models, digits is for spoken digits, and music for mallets and bells. None is for other speech: ' +
      'train one on recordings like yours (diffwave train). The result has the sample rate of the model.',
  ],
  guide: 'repair',
  group: 'Repair recordings',
  arguments: [
    { name: 'recording', description: 'recordings, folders of them, or - for standard input', variadic: true },
  ],
  options: {
    ...outputOptions,
    ...modelOptions(null),
    ...samplingOptions,
    snr: number('--snr <dB>', 'signal-to-noise ratio of the recordings', { default: 'estimated' }),
    noise: number('--noise <rms>', 'RMS of the noise, where 1 is full scale'),
    step: number('--step <t>', 'diffusion step to start at, instead of a noise level'),
    label: text('--label <name>', 'class of the recordings, for models with labels'),
    shard,
  },
  examples: ['diffwave denoise noisy.wav -o clean.wav -m my-generator'],
})
