/**
 * A clip as a pattern of mel bands over time, in dB below its loudest point: the input of embeddings and classifier.
 * Its level does not count, nor does anything more than 60 dB below the loudest point.
 */
import { type MelConvention, namedConventions } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'

/** Mel power in dB, frame-major: `[frames × bands]`. */
export interface Pattern {
  readonly data: Float32Array
  readonly frames: number
  readonly bands: number
}

const BANDS = 32
/** Length of a transform in seconds, rounded to a power of two in samples; the hop is a quarter of it. */
const WINDOW = 0.032
/** Range of a pattern in dB: its values times this are dB. */
export const DEPTH = 60
/** A clip starts at its first frame within this many dB of the loudest, so that silence before it does not count. */
const START = 40

/** The convention of patterns at a sample rate. */
export function patternConvention(sampleRate: number): MelConvention {
  const fftSize = 2 ** Math.round(Math.log2(WINDOW * sampleRate))
  return {
    ...namedConventions.tacotron2,
    name: 'pattern',
    sampleRate,
    fftSize,
    windowLength: fftSize,
    hop: fftSize / 4,
    power: 2,
    bands: BANDS,
    melScale: 'htk',
    filterNorm: 'none',
    minFrequency: 40,
    maxFrequency: sampleRate / 2,
    logarithm: 'log10',
    floor: 1e-10,
  }
}

/** The pattern of a whole recording, in absolute dB. */
export function recordingPattern(samples: Float32Array, sampleRate: number): Pattern {
  const { data, bands, frames } = melSpectrogram({ samples, sampleRate }, patternConvention(sampleRate))
  const transposed = new Float32Array(data.length)
  for (let band = 0; band < bands; band++) {
    for (let frame = 0; frame < frames; frame++) transposed[frame * bands + band] = 10 * data[band * frames + frame]!
  }
  return { data: transposed, frames, bands }
}

/** The loudest band of a frame. */
function loudest(pattern: Pattern, frame: number): number {
  let max = Number.NEGATIVE_INFINITY
  for (let band = 0; band < pattern.bands; band++) max = Math.max(max, pattern.data[frame * pattern.bands + band]!)
  return max
}

/** Whether `count` frames from `first` are digital silence, or nearly so. */
export function isSilent(pattern: Pattern, first: number, count: number): boolean {
  return audible(pattern, first, Math.min(pattern.frames, first + count)).peak < SILENCE
}

/** The audible frames among first … end − 1: from the first to the last within `START` dB of the loudest. */
function audible(pattern: Pattern, first: number, end: number): { from: number; to: number; peak: number } {
  let peak = Number.NEGATIVE_INFINITY
  for (let frame = first; frame < end; frame++) peak = Math.max(peak, loudest(pattern, frame))
  let [from, to] = [first, end]
  while (loudest(pattern, from) < peak - START) from++
  while (loudest(pattern, to - 1) < peak - START) to--
  return { from, to, peak }
}

/** Frames whose loudest point is below this many dB are silence. */
const SILENCE = -90

/** From −1 (60 dB below the clip's loudest point, or no frame of the clip) to 0 (its loudest point). */
function relative(pattern: Pattern, frame: number, end: number, band: number, peak: number): number {
  if (frame >= end || peak < SILENCE) return -1
  return Math.max(-1, (pattern.data[frame * pattern.bands + band]! - peak) / DEPTH)
}

/**
 * `count` frames of a recording from the first audible one at or after `first`, padded with silence; values × 60 are
 * dB.
 */
export function clipPattern(pattern: Pattern, first: number, count: number): Pattern {
  const end = Math.min(pattern.frames, first + count)
  const { from, peak } = audible(pattern, first, end)
  const data = new Float32Array(count * pattern.bands)
  for (let frame = 0; frame < count; frame++) {
    for (let band = 0; band < pattern.bands; band++) {
      data[frame * pattern.bands + band] = relative(pattern, from + frame, end, band, peak)
    }
  }
  return { data, frames: count, bands: pattern.bands }
}

/** The audible part of `length` frames, stretched to `count` frames, so that words spoken fast or slowly look alike. */
export function stretchedPattern(pattern: Pattern, first: number, length: number, count: number): Pattern {
  const { from, to, peak } = audible(pattern, first, Math.min(pattern.frames, first + length))
  const data = new Float32Array(count * pattern.bands)
  for (let frame = 0; frame < count; frame++) {
    const position = from + (frame * (to - 1 - from)) / Math.max(1, count - 1)
    const below = Math.floor(position)
    const share = position - below
    for (let band = 0; band < pattern.bands; band++) {
      const low = relative(pattern, below, to, band, peak)
      const high = relative(pattern, below + 1, to, band, peak)
      data[frame * pattern.bands + band] = low + share * (high - low)
    }
  }
  return { data, frames: count, bands: pattern.bands }
}
