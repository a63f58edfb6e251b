/** `diffwave inpaint`: gaps of recordings filled, by a vocoder or a generator. */
import { rateNote } from '../../audio/rate-note.js'
import { defined } from '../../core/defined.js'
import { Generator } from '../../generator.js'
import { Vocoder } from '../../vocoder.js'
import type { command } from '../commands/inpaint.js'
import type { Context } from '../context.js'
import { findInputs, recordings } from '../inputs/inputs.js'
import { noteConversion, readRecording } from '../inputs/read-recording.js'
import type { Values } from '../option-spec.js'
import { DEFAULT_VOCODER, sampling } from '../options.js'
import { repairFiles } from '../repair-files.js'

export async function run(
  context: Context,
  words: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  const { gaps, rounds, fade, label } = options
  await repairFiles(context, options, {
    inputs: await findInputs(words, recordings, context.signal),
    fallback: DEFAULT_VOCODER,
    preparer: model => {
      const repairer = model.config.kind === 'vocoder' ? new Vocoder(model) : new Generator(model)
      const more = { ...sampling(options), gaps: [...gaps], ...defined({ rounds, fade, label }) }
      return async input => {
        const audio = await readRecording(context, input)
        noteConversion(context, input.name, audio, audio.sampleRate)
        const note = rateNote(audio.sampleRate, repairer.sampleRate)
        if (note !== null) context.note(`${input.name}: ${note}`)
        return run => repairer.inpaint(audio, { ...more, ...run })
      }
    },
  })
}
