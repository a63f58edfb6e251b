/** `--shard`: the part of a command's inputs that one of several processes takes. */
import { DiffWaveError } from '../../core/errors.js'
import type { OptionSpec } from '../option-spec.js'

/** Shard `index` of `count`, counted from 0, as Slurm and Kubernetes count. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/** More than any cluster has: Slurm's arrays end at four million. */
const MAX_PROCESSES = 10_000_000

/** @throws DiffWaveError `BAD_OPTION` */
export function parseShard(text: string): Shard {
  const [, i, n] = /^(\d{1,8})\/(\d{1,8})$/.exec(text) ?? []
  const [index, count] = [Number(i), Number(n)]
  if (index < count && count <= MAX_PROCESSES) return { index, count }
  throw new DiffWaveError('BAD_OPTION', 'not a shard of the inputs', {
    expected: 'i/n with i from 0 to n − 1, such as 0/8',
    got: text,
    where: '--shard',
    ...(index === count && count > 0 ? { hint: `The last shard is ${count - 1}/${count}.` } : {}),
  })
}

export const shard: OptionSpec<Shard | undefined> = {
  flags: '--shard <i/n>',
  description: 'process every n-th input only, from input i on, counted from 0: for job arrays on a cluster',
  parse: parseShard,
}

/** Whether an input belongs to the shard. Neighbours go to different shards, so that all take about as long. */
export function isInShard(index: number, shard: Shard | undefined): boolean {
  return shard === undefined || index % shard.count === shard.index
}

/** The shard of consecutive items, which are made together: from the first one up to, but not including, the second. */
export function shardRange(items: number, { index, count }: Shard): readonly [start: number, end: number] {
  return [Math.floor((items * index) / count), Math.floor((items * (index + 1)) / count)]
}
