/** Seeds of calls that were given none. */

/** A seed below 2^32, so that the seeds of a batch that counts on from it are safe integers too. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!
}
