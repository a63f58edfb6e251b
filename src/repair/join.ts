/** Writes the filled gaps into the recording. */
import { type SampleGap, shareOf } from './gaps.js'

/**
 * Writes generated audio into the gaps, with a raised-cosine crossfade over `fade` samples on either side. All other
 * samples stay as they are, bit for bit.
 *
 * @param recording changed in place
 * @param made generated samples; the first belongs to sample `madeStart` of the recording, the last lies at least
 * `fade` samples past each gap, or at the recording's end or past it
 * @param gaps in order, without overlap
 */
export function joinGaps(
  recording: Float32Array,
  made: Float32Array,
  madeStart: number,
  gaps: readonly SampleGap[],
  fade: number,
): void {
  const from = Math.max(0, gaps[0]!.start - fade)
  const to = Math.min(recording.length, gaps.at(-1)!.end + fade)
  const share = (gap: SampleGap | undefined, sample: number) => (gap === undefined ? 0 : shareOf(gap, sample, fade))
  let next = 0
  for (let sample = from; sample < to; sample++) {
    while (next < gaps.length && gaps[next]!.end <= sample) next++
    // A sample between two gaps may lie in the fades of many: the weight of the nearest is the largest.
    const weight = Math.max(share(gaps[next - 1], sample), share(gaps[next], sample))
    if (weight > 0) recording[sample] = recording[sample]! + weight * (made[sample - madeStart]! - recording[sample]!)
  }
  // Inside a gap the recording has weight 0, but 0 · NaN is NaN: these samples are overwritten.
  for (const { start, end } of gaps) {
    for (let sample = start; sample < end; sample++) recording[sample] = made[sample - madeStart]!
  }
}
