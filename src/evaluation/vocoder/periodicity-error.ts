/**
 * Periodicity error (Morrison et al. 2022, “Chunked autoregressive GAN for conditional waveform synthesis”, section
 * 4.2): the root mean square difference of how periodic the frames are, which tells hoarse and buzzing copies.
 * Periodicity is 1 − YIN's aperiodicity, 0 for silence.
 */
import type { PitchTrack } from '../pitch.js'

/** @param original @param made with the same hop @returns 0 … 1 */
export function periodicityError(original: PitchTrack, made: PitchTrack): number {
  const frames = Math.min(original.salience.length, made.salience.length)
  let squares = 0
  for (let frame = 0; frame < frames; frame++) squares += (original.salience[frame]! - made.salience[frame]!) ** 2
  return Math.sqrt(squares / frames)
}
