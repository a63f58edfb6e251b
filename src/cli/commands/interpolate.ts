/** `diffwave interpolate`: a recording between two. */
import { defined } from '../../core/defined.js'
import { defineCommand } from '../command.js'
import { findInput } from '../inputs/inputs.js'
import { noteConversion, readRecording } from '../inputs/read-recording.js'
import { namedGenerator } from '../load.js'
import { countedSteps, modelOptions, number, outputOptions, samplingOptions, text } from '../options.js'
import { repairFiles } from '../repair-files.js'

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
    mix: number('--mix <share>', 'position between the first (0) and the second (1) (default: 0.5)'),
    step: number('--step <t>', 'diffusion step to mix at: early steps keep both, late ones make something new'),
    label: text('--label <name>', 'class of the recordings, for models that have labels'),
  },
  examples: ['diffwave interpolate first.wav second.wav -o between.wav -m my-generator'],
  run: async (context, [firstWord, secondWord], options) => {
    const { mix, step, label } = options
    const steps = countedSteps(options)
    const first = await findInput(firstWord!, context.signal)
    const second = await findInput(secondWord!, context.signal)
    await repairFiles(context, options, {
      inputs: [first],
      sources: [second],
      fallback: namedGenerator(options),
      preparer: async model => {
        const { Generator } = await import('../../generator.js')
        const generator = new Generator(model)
        return async () => {
          const both = [await readRecording(context, first), await readRecording(context, second)] as const
          for (const [i, audio] of both.entries()) {
            const { name } = [first, second][i]!
            noteConversion(context, name, audio, generator.sampleRate)
          }
          return run => generator.interpolate(...both, { ...steps, ...defined({ mix, step, label }), ...run })
        }
      },
    })
  },
})
