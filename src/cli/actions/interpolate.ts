/** `diffwave interpolate`: a recording between two. */
import { defined } from '../../core/defined.js'
import { Generator } from '../../generator.js'
import type { command } from '../commands/interpolate.js'
import type { Context } from '../context.js'
import { findInput } from '../inputs/inputs.js'
import { noteConversion, readRecording } from '../inputs/read-recording.js'
import { namedGenerator } from '../load.js'
import type { Values } from '../option-spec.js'
import { countedSteps } from '../options.js'
import { repairFiles } from '../repair-files.js'

export async function run(
  context: Context,
  [firstWord, secondWord]: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  const { mix, step, label } = options
  const steps = countedSteps(options)
  const first = await findInput(firstWord!, context.signal)
  const second = await findInput(secondWord!, context.signal)
  await repairFiles(context, options, {
    inputs: [first],
    sources: [second],
    fallback: namedGenerator(options),
    preparer: model => {
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
}
