/** Puts filled gaps into their recording. */
import { type Gap, shareOf } from './gaps.js'

/**
 * The recording with its gaps filled: `made` within a gap, the recording outside, and over `fade` samples on either
 * side a raised-cosine crossfade from one to the other, so that there is no step. Samples further from a gap stay bit
 * for bit.
 *
 * @param recording changed in place
 * @param made generated samples from the recording's sample `madeStart` on, to at least `fade` samples past each gap
 */
export function joinGaps(
  recording: Float32Array,
  made: Float32Array,
  madeStart: number,
  gaps: readonly Gap[],
  fade: number,
): void {
  // Samples between two gaps may lie in both fades: they take the larger share of `made`.
  const share = (sample: number) => Math.max(...gaps.map(gap => shareOf(gap, sample, fade)))
  const from = Math.max(madeStart, gaps[0]!.start - fade)
  const to = Math.min(recording.length, madeStart + made.length, gaps.at(-1)!.end + fade)
  for (let sample = from; sample < to; sample++) {
    const weight = share(sample)
    if (weight > 0) recording[sample] = recording[sample]! + weight * (made[sample - madeStart]! - recording[sample]!)
  }
  // Nothing of the recording counts within a gap: NaN there must not leak in.
  for (const { start, end } of gaps) {
    for (let sample = start; sample < end; sample++) recording[sample] = made[sample - madeStart]!
  }
}
