/**
 * How often sounds begin: peaks of the spectral flux of mel bands in dB above its local median (Dixon 2006, “Onset detection revisited”,
 * sections 2.1 and 2.6). Own code, as meyda's `spectralFlux` throws.
 */
import type { Pattern } from './clip-pattern.js'

/** Frames over which a rise is taken: half a transform's length. */
const LAG = 2
/** Mean rise over bands above the local median that is an onset, as a share of a pattern's depth (60 dB): 2 dB. */
const THRESHOLD = 2 / 60
/** Seconds on both sides: of the median, and within which a peak is the highest. */
const MEDIAN_REACH = 0.2
const PEAK_REACH = 0.04

/** Onsets a second of a clip's pattern. @param hop seconds between its frames */
export function onsetRate(pattern: Pattern, hop: number): number {
  const { data, frames, bands } = pattern
  const flux = new Float64Array(frames)
  for (let frame = LAG; frame < frames; frame++) {
    let rise = 0
    for (let band = 0; band < bands; band++) {
      rise += Math.max(0, data[frame * bands + band]! - data[(frame - LAG) * bands + band]!)
    }
    flux[frame] = rise / bands
  }
  const [wide, near] = [Math.round(MEDIAN_REACH / hop), Math.max(1, Math.round(PEAK_REACH / hop))]
  let onsets = 0
  for (let frame = LAG; frame < frames; frame++) {
    const around = flux.slice(Math.max(LAG, frame - wide), frame + wide + 1).sort()
    if (flux[frame]! < around[around.length >> 1]! + THRESHOLD) continue
    let highest = true
    for (let other = Math.max(0, frame - near); other <= Math.min(frames - 1, frame + near); other++) {
      if (flux[other]! > flux[frame]! || (flux[other] === flux[frame] && other < frame)) highest = false
    }
    if (highest) onsets++
  }
  return onsets / (frames * hop)
}
