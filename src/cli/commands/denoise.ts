/** `diffwave denoise`: noise removed from recordings by a generator. */
import { defined } from '../../core/defined.js'
import { defineCommand } from '../command.js'
import { findInputs, recordings } from '../inputs/inputs.js'
import { noteConversion, readRecording } from '../inputs/read-recording.js'
import { shard } from '../inputs/shard.js'
import { namedGenerator } from '../load.js'
import { countedSteps, modelOptions, number, outputOptions, samplingOptions, text } from '../options.js'
import { repairFiles } from '../repair-files.js'

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
  run: async (context, words, options) => {
    const { snr, noise, step, label } = options
    const steps = countedSteps(options)
    await repairFiles(context, options, {
      inputs: await findInputs(words, recordings, context.signal),
      fallback: namedGenerator(options),
      preparer: async model => {
        const { Generator } = await import('../../generator.js')
        const generator = new Generator(model)
        return async input => {
          const audio = await readRecording(context, input)
          noteConversion(context, input.name, audio, generator.sampleRate)
          return run => generator.denoise(audio, { ...steps, ...defined({ snr, noise, step, label }), ...run })
        }
      },
    })
  },
})
