/**
 * Computes spectra of centred frames, and their gradient. Periodic Hann windows of n samples lie n/4 samples apart.
 * Frame f is centred on sample f·n/4, and the clip is followed and preceded by zeros.
 */
import { FrameTransform } from '../../audio/transforms/stft.js'
import { termFrames } from '../../engines/loss-kernels.js'

/** The framing for one window length. It holds buffers that all clips reuse. */
export class CentredFrames {
  readonly bins: number
  readonly hop: number
  readonly #transform: FrameTransform

  /** @param size window length in samples, a power of two */
  constructor(readonly size: number) {
    this.hop = size / 4
    this.#transform = new FrameTransform({ fftSize: size, windowLength: size, hop: this.hop })
    this.bins = this.#transform.bins
  }

  /** Computes the spectra of a clip, `[frames × bins × 2]`: real and imaginary part of each bin. */
  spectra(audio: Float32Array): Float64Array {
    const frames = termFrames(this.size, audio.length)
    const width = 2 * this.bins
    const padded = new Float64Array((frames - 1) * this.hop + this.size)
    padded.set(audio, this.size / 2)
    const spectra = new Float64Array(frames * width)
    for (let frame = 0; frame < frames; frame++) {
      const found = this.#transform.forward(padded, frame * this.hop)
      for (let i = 0; i < width; i++) spectra[frame * width + i] = found[i]!
    }
    return spectra
  }

  /**
   * Adds ∂loss/∂audio to `gradient`.
   *
   * @param bySpectra ∂loss/∂real and ∂loss/∂imaginary part, with the layout of `spectra`. The call changes it.
   * @param samples length of the clip
   */
  addGradient(bySpectra: Float64Array, samples: number, gradient: Float64Array): void {
    const { bins, hop, size } = this
    const frames = termFrames(size, samples)
    const sums = new Float64Array((frames - 1) * hop + size)
    for (let frame = 0; frame < frames; frame++) {
      const spectrum = bySpectra.subarray(frame * 2 * bins, (frame + 1) * 2 * bins)
      // The inverse transform divides by its size and counts every bin but the first and the last twice.
      for (let i = 0; i < spectrum.length; i++) {
        spectrum[i]! *= i < 2 || i >= spectrum.length - 2 ? size : size / 2
      }
      this.#transform.inverseAdd(spectrum, sums, frame * hop)
    }
    for (let n = 0; n < samples; n++) gradient[n]! += sums[size / 2 + n]!
  }
}

/** The audio to compare, of the same length, and how. */
export interface Comparison {
  readonly made: Float32Array
  readonly wanted: Float32Array
  /** Bandwidth of the clip in Hz. */
  readonly limit: number
  /** Factor of the gradient. */
  readonly weight: number
}

/** Counts the bins of a transform, from 0 Hz on, that lie at or below a limit in Hz. */
export function binsBelow(limit: number, bins: number, sampleRate: number): number {
  const hertz = sampleRate / 2 / (bins - 1)
  let count = 0
  while (count < bins && count * hertz <= limit) count++
  return count
}
