/** Magnitude spectrograms for distances between recordings: centred frames, reflect padding, periodic Hann window. */
import { FrameTransform, padReflect } from '../audio/transforms/stft.js'

/** Smaller magnitudes are raised to this, so that silence has a finite logarithm. */
export const MAGNITUDE_FLOOR = 1e-5

/** Magnitudes, frame-major: `[frames × bins]`, none below `MAGNITUDE_FLOOR`. */
export interface Spectrogram {
  readonly data: Float32Array
  readonly frames: number
  readonly bins: number
}

/**
 * The spectrogram of windows of `size` samples with a hop of size/4: ⌊samples/hop⌋ + 1 frames.
 *
 * @param sampleRate in Hz
 * @param size a power of two
 * @param maxFrequency highest frequency kept, in Hz
 */
export function spectrogram(
  samples: Float32Array,
  sampleRate: number,
  size: number,
  maxFrequency: number,
): Spectrogram {
  const hop = size / 4
  const transform = new FrameTransform({ fftSize: size, windowLength: size, hop })
  const padded = padReflect(samples, size / 2)
  const frames = Math.floor(samples.length / hop) + 1
  const bins = Math.min(transform.bins, Math.floor((maxFrequency / sampleRate) * size) + 1)
  const data = new Float32Array(frames * bins)
  for (let frame = 0; frame < frames; frame++) {
    const spectrum = transform.forward(padded, frame * hop)
    for (let bin = 0; bin < bins; bin++) {
      const magnitude = Math.sqrt(spectrum[2 * bin]! ** 2 + spectrum[2 * bin + 1]! ** 2)
      data[frame * bins + bin] = Math.max(magnitude, MAGNITUDE_FLOOR)
    }
  }
  return { data, frames, bins }
}
