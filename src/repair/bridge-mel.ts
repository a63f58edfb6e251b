/**
 * The mel of a recording with gaps: frames whose window touches a gap are interpolated from the nearest ones that do
 * not.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { frameCentre } from '../audio/mel/frames.js'
import type { SampleGap } from './gaps.js'

/**
 * @param mel of the recording; its gaps may hold anything
 * @param gaps in samples, counted from the sample at which the mel begins; in order, without overlap
 * @returns the mel with its touched frames interpolated linearly, or held constant at the clip's ends; null if every
 * frame is touched
 */
export function bridgeMel(
  mel: Mel,
  convention: Pick<MelConvention, 'hop' | 'windowLength' | 'framing'>,
  gaps: readonly SampleGap[],
): Mel | null {
  const { windowLength } = convention
  let next = 0
  const touched = Array.from({ length: mel.frames }, (_, frame) => {
    const centre = frameCentre(frame, convention)
    // There may be thousands of gaps: those that end before a window end before all later ones.
    while (next < gaps.length && gaps[next]!.end <= centre - windowLength / 2) next++
    return next < gaps.length && gaps[next]!.start < centre + windowLength / 2
  })
  if (touched.every(frame => frame)) return null
  const data = mel.data.slice()
  for (let first = 0; first < mel.frames; first++) {
    if (!touched[first]) continue
    let after = first
    while (after < mel.frames && touched[after]) after++
    for (let band = 0; band < mel.bands; band++) {
      const at = band * mel.frames
      const left = first > 0 ? data[at + first - 1]! : data[at + after]!
      const right = after < mel.frames ? data[at + after]! : left
      for (let frame = first; frame < after; frame++) {
        const share = (frame - first + 1) / (after - first + 1)
        data[at + frame] = left + share * (right - left)
      }
    }
    first = after
  }
  return { data, bands: mel.bands, frames: mel.frames }
}
