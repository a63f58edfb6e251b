/** Short-time Fourier transform on fft.js, with the framing that mel conventions use, and its inverse by overlap-add. */
import FFT from 'fft.js'
import { DiffWaveError } from '../errors.js'

/** How a signal is cut and windowed; all lengths in samples. */
export interface StftShape {
  /** Transform length, a power of two. */
  readonly fftSize: number
  /** Periodic Hann window's length, centred in the transform. */
  readonly windowLength: number
  readonly hop: number
}

/** Bins of a real transform. */
export function binCount(fftSize: number): number {
  return fftSize / 2 + 1
}

/** Periodic Hann window, zero-padded on both sides to the transform's length. */
export function hannWindow(windowLength: number, fftSize: number = windowLength): Float64Array {
  const window = new Float64Array(fftSize)
  const start = Math.floor((fftSize - windowLength) / 2)
  for (let i = 0; i < windowLength; i++) window[start + i] = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / windowLength)
  return window
}

/**
 * Samples with `padding` more on both sides, mirrored about the first and the last (neither repeated), as numpy's and
 * PyTorch's `reflect`. A mirror image longer than the signal is mirrored again.
 */
export function padReflect(samples: Float32Array, padding: number): Float32Array {
  const n = samples.length
  if (n === 0) throw new DiffWaveError('BAD_AUDIO', 'there are no samples')
  const padded = new Float32Array(n + 2 * padding)
  padded.set(samples, padding)
  const period = Math.max(1, 2 * (n - 1))
  const mirrored = (index: number): number => {
    const folded = ((index % period) + period) % period
    return samples[folded < n ? folded : period - folded]!
  }
  for (let i = 0; i < padding; i++) {
    padded[i] = mirrored(i - padding)
    padded[padding + n + i] = mirrored(n + i)
  }
  return padded
}

/** Transforms windowed frames of one shape; holds the buffers that every frame reuses. */
export class FrameTransform {
  readonly bins: number
  readonly window: Float64Array
  private readonly fft: FFT
  private readonly input: Float64Array
  private readonly spectrum: number[]
  private readonly output: number[]

  constructor(readonly shape: StftShape) {
    this.bins = binCount(shape.fftSize)
    this.window = hannWindow(shape.windowLength, shape.fftSize)
    this.fft = new FFT(shape.fftSize)
    this.input = new Float64Array(shape.fftSize)
    this.spectrum = this.fft.createComplexArray()
    this.output = this.fft.createComplexArray()
  }

  /**
   * Spectrum of the frame that starts at `start`, windowed.
   *
   * @returns real and imaginary part of each bin in turn, 2 × bins numbers, good until the next call
   */
  forward(samples: Float32Array | Float64Array, start: number): ArrayLike<number> {
    const { input, window } = this
    for (let i = 0; i < input.length; i++) input[i] = samples[start + i]! * window[i]!
    this.fft.realTransform(this.spectrum, input)
    return this.spectrum
  }

  /**
   * Adds a spectrum's frame, windowed again, to `samples` at `start`.
   *
   * @param spectrum as `forward` gives it
   */
  inverseAdd(spectrum: ArrayLike<number>, samples: Float64Array, start: number): void {
    const full = this.spectrum
    if (full !== spectrum) for (let i = 0; i < 2 * this.bins; i++) full[i] = spectrum[i]!
    this.fft.completeSpectrum(full)
    this.fft.inverseTransform(this.output, full)
    for (let i = 0; i < this.window.length; i++) samples[start + i]! += this.output[2 * i]! * this.window[i]!
  }
}

/** Sum of the squared windows over each sample, for `frames` frames a hop apart: what overlap-add is divided by. */
export function windowSquares(shape: StftShape, frames: number): Float64Array {
  const window = hannWindow(shape.windowLength, shape.fftSize)
  const sum = new Float64Array((frames - 1) * shape.hop + shape.fftSize)
  for (let frame = 0; frame < frames; frame++) {
    for (let i = 0; i < window.length; i++) sum[frame * shape.hop + i]! += window[i]! ** 2
  }
  return sum
}
