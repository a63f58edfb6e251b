/** Seeds of calls that were given none. */
import { randomInt } from 'node:crypto'

/** A seed below 2^32, so that the seeds of a batch that counts on from it are safe integers too. */
export function drawSeed(): number {
  return randomInt(2 ** 32)
}
