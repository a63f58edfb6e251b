/** Spectrograms of sounds that are shown again and again. */
import type { Sound } from './sound.js'
import { type Spectrogram, spectrogram } from './spectrogram.js'

/** Frames are rounded up to a multiple of this, so that a small change of width computes nothing. */
const FRAME_STEP = 128
/** Spectrograms of one sound: a thumbnail, a wall and a figure. Each new width of a window would add one of 5 MB. */
const MAX_SIZES = 4

/** Least recently used first. */
const cache = new WeakMap<Sound, Map<number, Spectrogram>>()

/** @param columns of the picture */
export function cachedSpectrogram(sound: Sound, columns: number): Spectrogram {
  const frames = Math.max(1, Math.ceil(columns / FRAME_STEP)) * FRAME_STEP
  const known = cache.get(sound) ?? new Map<number, Spectrogram>()
  cache.set(sound, known)
  const found = known.get(frames) ?? spectrogram(sound, frames)
  known.delete(frames)
  known.set(frames, found)
  for (const size of known.keys()) {
    if (known.size <= MAX_SIZES) break
    known.delete(size)
  }
  return found
}
