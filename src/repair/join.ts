/** Puts filled gaps into their recording. */
import { type Gap, shareOf } from './gaps.js'

/**
 * The recording with its gaps filled: `made` within a gap, the recording outside, and over `fade` samples on either side a
 * raised-cosine crossfade from one to the other, so that there is no step. What lies further from a gap stays bit for bit.
 *
 * @param recording changed in place
 * @param made samples of the recording's from `madeStart` on, a fade past each gap where the recording goes on
 */
export function joinGaps(
  recording: Float32Array,
  made: Float32Array,
  madeStart: number,
  gaps: readonly Gap[],
  fade: number,
): void {
  // Of the samples between two gaps both may fade, so that each takes the larger share of `made`.
  const share = (sample: number) => Math.max(...gaps.map(gap => shareOf(gap, sample, fade)))
  const from = Math.max(madeStart, gaps[0]!.start - fade)
  const to = Math.min(recording.length, madeStart + made.length, gaps.at(-1)!.end + fade)
  for (let sample = from; sample < to; sample++) {
    const weight = share(sample)
    if (weight > 0) recording[sample] = recording[sample]! + weight * (made[sample - madeStart]! - recording[sample]!)
  }
  // A gap itself holds nothing worth a share: NaN or noise there must not leak in.
  for (const { start, end } of gaps) {
    for (let sample = start; sample < end; sample++) recording[sample] = made[sample - madeStart]!
  }
}
