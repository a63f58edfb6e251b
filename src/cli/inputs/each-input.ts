/** Runs a command over several inputs: one that fails is reported, and the others are still done. */
import { DiffWaveError } from '../../core/errors.js'
import type { Context } from '../context.js'
import { exitStatus, SomeFailed } from '../exit.js'
import { inOwnFlags } from '../own-flags.js'
import { printError } from '../print-error.js'
import { isInShard, type Shard } from './shard.js'

/**
 * @param shard the shard of the inputs to run; none: all
 * @throws the error itself if there is one input; `SomeFailed` if some of several failed
 */
export async function eachInput<T>(
  context: Context,
  inputs: readonly T[],
  work: (input: T, index: number) => Promise<void>,
  shard?: Shard | undefined,
): Promise<void> {
  let status = 0
  if (!inputs.some((_, index) => isInShard(index, shard))) context.note('this shard has no inputs')
  for (const [index, input] of inputs.entries()) {
    if (!isInShard(index, shard)) continue
    try {
      await work(input, index)
    } catch (error) {
      const aborted = error instanceof DiffWaveError && error.code === 'ABORTED'
      if (inputs.length === 1 || aborted || context.signal.aborted) throw error
      printError(inOwnFlags(error, context.options), context)
      status = Math.max(status, exitStatus(error))
    }
  }
  if (status > 0) throw new SomeFailed(status)
}
