/** `diffwave convert`: a PyTorch checkpoint → a model folder. */
import { defined } from '../../core/defined.js'
import { convert } from '../../model/convert.js'
import { parameterCount } from '../../model/parameters.js'
import { isRemote } from '../../model/remote/address.js'
import type { command } from '../commands/convert.js'
import type { Context } from '../context.js'
import { findInput } from '../inputs/inputs.js'
import { melNumbers } from '../inputs/mel-numbers.js'
import type { Values } from '../option-spec.js'
import { mayReplaceModel } from '../outputs/outputs.js'

export async function run(
  context: Context,
  [checkpoint]: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  const { output, force, melLog, melStats, ...facts } = options
  const numbers = await melNumbers(melLog, melStats)
  const hints = {
    ...facts,
    ...defined({ melLogarithm: numbers.logarithm, melStatistics: numbers.statistics }),
    force: await mayReplaceModel(context, output, force),
    signal: context.signal,
  }
  const input = isRemote(checkpoint!) ? null : await findInput(checkpoint!, context.signal)
  const { config, source, notes } =
    input === null
      ? await context.withProgress('download', onProgress => convert(checkpoint!, output, { ...hints, onProgress }))
      : await convert(input.path, output, hints)
  for (const note of notes) context.note(note)
  const count = parameterCount(config.network)
  context.result(`${output}: ${config.kind} from ${source}, ${(count / 1e6).toFixed(2)} M parameters`, {
    input: input?.name ?? checkpoint,
    output,
    source,
    kind: config.kind,
    parameters: count,
  })
}
