/** `diffwave denoise`: noise removed from recordings by a generator. */
import { defined } from '../../core/defined.js'
import { Generator } from '../../generator.js'
import type { command } from '../commands/denoise.js'
import type { Context } from '../context.js'
import { findInputs, recordings } from '../inputs/inputs.js'
import { noteConversion, readRecording } from '../inputs/read-recording.js'
import { namedGenerator } from '../load.js'
import type { Values } from '../option-spec.js'
import { countedSteps } from '../options.js'
import { repairFiles } from '../repair-files.js'

export async function run(
  context: Context,
  words: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  const { snr, noise, step, label } = options
  const steps = countedSteps(options)
  await repairFiles(context, options, {
    inputs: await findInputs(words, recordings, context.signal),
    fallback: namedGenerator(options),
    preparer: model => {
      const generator = new Generator(model)
      return async input => {
        const audio = await readRecording(context, input)
        noteConversion(context, input.name, audio, generator.sampleRate)
        noteLostBand(context, input.name, audio.sampleRate, generator.sampleRate)
        return run => generator.denoise(audio, { ...steps, ...defined({ snr, noise, step, label }), ...run })
      }
    },
  })
}

/** Notes that a model of a lower rate cuts off the high frequencies of a recording: it is seldom the one for it. */
function noteLostBand(context: Context, name: string, rate: number, modelRate: number): void {
  if (modelRate >= rate) return
  context.note(
    `${name}: the result has no sound above ${modelRate / 2} Hz, because the model makes ${modelRate} Hz; use a ` +
      `model that was trained on recordings like this one, at ${rate} Hz`,
  )
}
