/** Levels of a sound over time and frequency. */
import { FrameTransform } from '#src/audio/transforms/stft'
import type { Sound } from './sound.js'

/** Levels in dB: 0 is a sine of full scale. Frame-major: `[frames × bins]`. */
export interface Spectrogram {
  readonly levels: Float32Array
  readonly frames: number
  /** From 0 Hz to half the sample rate. */
  readonly bins: number
}

/** Samples of a window at 22,050 Hz: 46 ms, which separates the harmonics of a voice. */
const WINDOW = 1024
const REFERENCE_RATE = 22_050
/** Level of digital silence, in dB. */
export const SILENCE = -140

/** Window for a rate: the power of two nearest to 46 ms, in octaves. */
export function windowLength(sampleRate: number): number {
  return 2 ** Math.round(Math.log2((WINDOW * sampleRate) / REFERENCE_RATE))
}

/**
 * The spectrogram of a sound, with at most `maxFrames` frames: a picture shows no more than its columns.
 *
 * Each frame is centred on its time; past the ends is silence.
 */
export function spectrogram({ samples, sampleRate }: Sound, maxFrames: number): Spectrogram {
  const size = windowLength(sampleRate)
  const hop = Math.max(size / 8, samples.length / Math.max(1, maxFrames))
  const frames = Math.max(1, Math.floor(samples.length / hop))
  const transform = new FrameTransform({ fftSize: size, windowLength: size, hop: size / 8 })
  const padded = new Float32Array(samples.length + size)
  padded.set(samples, size / 2)
  const { bins } = transform
  const levels = new Float32Array(frames * bins)
  // A sine of amplitude 1 has a peak of half the window's sum, which is size / 2 for a Hann window.
  const scale = (4 / size) ** 2
  for (let frame = 0; frame < frames; frame++) {
    const spectrum = transform.forward(padded, Math.round((frame + 0.5) * hop))
    for (let bin = 0; bin < bins; bin++) {
      const power = scale * (spectrum[2 * bin]! ** 2 + spectrum[2 * bin + 1]! ** 2)
      levels[frame * bins + bin] = Math.max(SILENCE, 10 * Math.log10(power + 1e-30))
    }
  }
  return { levels, frames, bins }
}

/** Range of levels that pictures show, in dB. */
export interface LevelRange {
  readonly min: number
  readonly max: number
}

/** Span of the scale: speech between its loudest partial and the noise of a room. */
const SPAN = 70

/** A scale for a spectrogram: 70 dB up to its loudest parts, in steps of 10 dB. */
export function levelRange({ levels }: Spectrogram): LevelRange {
  let max = SILENCE
  for (const level of levels) if (level > max) max = level
  const top = Math.min(20, Math.max(-60, Math.ceil((max - 3) / 10) * 10))
  return { min: top - SPAN, max: top }
}
