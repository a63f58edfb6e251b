/** `diffwave synthesize`: mels in, WAVs or a pipe out, in bounded memory. */
import { checkMelFor } from '../../audio/mel/check-mel.js'
import type { MelConvention } from '../../audio/mel/convention.js'
import { rescaleMel } from '../../audio/mel/rescale.js'
import { MelSummary } from '../../audio/mel/value-scale.js'
import { throwIfAborted } from '../../core/errors.js'
import type { StoredMel } from '../../formats/mel-stream.js'
import type { command } from '../commands/synthesize.js'
import type { Context } from '../context.js'
import { type Input, mels } from '../inputs/inputs.js'
import { eachMel, MelOpener } from '../inputs/mel-inputs.js'
import { noteMel } from '../inputs/mel-notes.js'
import { melNumbers } from '../inputs/mel-numbers.js'
import type { Values } from '../option-spec.js'
import { vocodeFiles } from '../vocode-files.js'

/** The mel in the model's numbers, still piece by piece. */
async function rescaled(
  mel: StoredMel,
  { melLog, melStats }: Values<typeof command.options>,
  convention: MelConvention,
): Promise<StoredMel> {
  if (melLog === undefined && melStats === undefined) return mel
  const numbers = await melNumbers(melLog, melStats)
  async function* pieces() {
    for await (const piece of mel) yield rescaleMel(piece, numbers, convention)
  }
  const { bands, frames, transposed } = mel
  return { bands, frames, transposed, [Symbol.asyncIterator]: pieces }
}

export async function run(
  context: Context,
  words: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  let opener: MelOpener | undefined
  const inputs = { kind: mels, expand: (files: readonly Input[]) => eachMel(files, options, context.signal) }
  return vocodeFiles(context, words, inputs, options, async (vocoder, input) => {
    const convention = vocoder.config.mel
    opener ??= new MelOpener(options, convention.bands)
    const mel = await rescaled(await opener.open(input), options, convention)
    const summary = new MelSummary()
    // Once through the file before the work: a mel that does not fit is refused before any audio goes out.
    for await (const piece of mel) {
      throwIfAborted(context.signal)
      checkMelFor(piece, convention, input.name)
      summary.add(piece)
    }
    await noteMel(context, input.name, mel, summary, convention)
    return { stream: more => vocoder.stream(mel, more), extra: { transposed: mel.transposed } }
  })
}
