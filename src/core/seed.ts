/** Draws a seed for a call that was given none, and checks the seed of a batch. */
import { DiffWaveError } from './errors.js'

/** A seed below 2^32, so that the seeds of a batch that counts on from it are safe integers too. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!
}

/** Refuses a seed from which a batch cannot count on. @throws DiffWaveError `BAD_OPTION` */
export function checkSeedRange(seed: number, clips: number): void {
  const last = Math.max(0, clips - 1)
  if (Number.isSafeInteger(seed + last)) return
  throw new DiffWaveError('BAD_OPTION', 'the seed leaves no room for that many clips', {
    expected: `at most ${Number.MAX_SAFE_INTEGER - last}, as each clip has the seed after the one before`,
    got: String(seed),
    where: 'seed',
  })
}
