/**
 * Differences between two pitch contours: F0 error over the frames that both call voiced, and agreement of the voicing.
 */
import type { PitchTrack } from '../pitch.js'

export interface PitchError {
  /** Mean |Δ| in cents over the frames that both call voiced; null if there are none. */
  readonly cents: number | null
  /** Root-mean-square error in Hz over the same frames. */
  readonly hertz: number | null
  /** Share of these frames with an error of more than 20 %: mostly octave errors. */
  readonly grossShare: number | null
  /** F1 score of the voiced frames, the original being the truth; null if neither has any. */
  readonly voicingF1: number | null
}

/** @param original @param made with the same hop */
export function pitchError(original: PitchTrack, made: PitchTrack): PitchError {
  const frames = Math.min(original.frequencies.length, made.frequencies.length)
  let [both, either, cents, squares, gross] = [0, 0, 0, 0, 0]
  for (let frame = 0; frame < frames; frame++) {
    const [a, b] = [original.frequencies[frame]!, made.frequencies[frame]!]
    either += Number(a > 0) + Number(b > 0)
    if (a === 0 || b === 0) continue
    both++
    cents += Math.abs(1200 * Math.log2(b / a))
    squares += (a - b) ** 2
    if (Math.abs(b - a) > 0.2 * a) gross++
  }
  const known = both > 0
  return {
    cents: known ? cents / both : null,
    hertz: known ? Math.sqrt(squares / both) : null,
    grossShare: known ? gross / both : null,
    voicingF1: either > 0 ? (2 * both) / either : null,
  }
}
