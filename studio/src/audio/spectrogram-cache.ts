/** Spectrograms of sounds that are shown again and again. */
import type { Sound } from './sound.js'
import { type Spectrogram, spectrogram } from './spectrogram.js'

/** Frames are rounded up to a multiple of this, so that a small change of width computes nothing. */
const FRAME_STEP = 128

const cache = new WeakMap<Sound, Map<number, Spectrogram>>()

/** @param columns of the picture */
export function cachedSpectrogram(sound: Sound, columns: number): Spectrogram {
  const frames = Math.max(1, Math.ceil(columns / FRAME_STEP)) * FRAME_STEP
  const known = cache.get(sound) ?? new Map<number, Spectrogram>()
  cache.set(sound, known)
  const found = known.get(frames) ?? spectrogram(sound, frames)
  known.set(frames, found)
  return found
}
