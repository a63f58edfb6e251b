/**
 * Onset rate: peaks of the spectral flux of mel bands in dB above its local median (Dixon 2006, “Onset detection
 * revisited”, sections 2.1 and 2.6). Own code, because meyda's `spectralFlux` throws.
 */
import type { Pattern } from './clip-pattern.js'

/** Frames between which the rise is measured: half the length of a transform. */
const LAG = 2
/**
 * Mean rise over the bands, above the local median, that counts as an onset: 2 dB, in units of a pattern's range of 60
 * dB.
 */
const THRESHOLD = 2 / 60
/** The local median is taken over this many seconds on either side. */
const MEDIAN_REACH = 0.2
/** An onset is the highest point within this many seconds on either side. */
const PEAK_REACH = 0.04

/** Onsets per second. @param hop seconds between the pattern's frames */
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
