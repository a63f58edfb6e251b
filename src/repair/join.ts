/** Writes the filled gaps into the recording. */
import { type SampleGap, shareOf } from './gaps.js'

/**
 * Writes generated audio into the gaps, with a raised-cosine crossfade over `fade` samples on either side. All other
 * samples stay as they are, bit for bit.
 *
 * @param recording changed in place
 * @param made generated samples; the first belongs to sample `madeStart` of the recording, the last lies at least
 * `fade` samples past each gap
 */
export function joinGaps(
  recording: Float32Array,
  made: Float32Array,
  madeStart: number,
  gaps: readonly SampleGap[],
  fade: number,
): void {
  // A sample between two gaps may lie in both fades: the larger weight counts.
  const share = (sample: number) => Math.max(...gaps.map(gap => shareOf(gap, sample, fade)))
  const from = Math.max(madeStart, gaps[0]!.start - fade)
  const to = Math.min(recording.length, madeStart + made.length, gaps.at(-1)!.end + fade)
  for (let sample = from; sample < to; sample++) {
    const weight = share(sample)
    if (weight > 0) recording[sample] = recording[sample]! + weight * (made[sample - madeStart]! - recording[sample]!)
  }
  // Inside a gap the recording has weight 0, but 0 · NaN is NaN: these samples are overwritten.
  for (const { start, end } of gaps) {
    for (let sample = start; sample < end; sample++) recording[sample] = made[sample - madeStart]!
  }
}
