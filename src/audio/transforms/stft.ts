/**
 * Short-time Fourier transform on fft.js, with the framing that mel conventions use, and its inverse by overlap-add.
 */
import FFT from 'fft.js'
import { checkNotEmpty } from '../check-audio.js'
import type { MelConvention } from '../mel/convention.js'

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

/** Σ w²: the mean power of each bin of white noise of deviation 1 under a window w. */
export function windowPower(window: Float64Array): number {
  return window.reduce((sum, w) => sum + w * w, 0)
}

/**
 * Samples with more on both sides, mirrored about the first and the last (neither repeated), as numpy's and PyTorch's
 * `reflect`. A mirror image longer than the signal is mirrored again.
 *
 * @param before number of samples to add at the start
 * @param after number of samples to add at the end
 * @throws DiffWaveError `BAD_AUDIO` if there are no samples to mirror
 */
export function padReflect(samples: Float32Array, before: number, after: number = before): Float32Array {
  const n = samples.length
  checkNotEmpty(samples, 'samples to pad')
  const padded = new Float32Array(before + n + after)
  padded.set(samples, before)
  const period = Math.max(1, 2 * (n - 1))
  const mirrored = (index: number): number => {
    const folded = ((index % period) + period) % period
    return samples[folded < n ? folded : period - folded]!
  }
  for (let i = 0; i < before; i++) padded[i] = mirrored(i - before)
  for (let i = n; i < n + after; i++) padded[before + i] = mirrored(i)
  return padded
}

/** Transforms windowed frames of one shape; holds the buffers that every frame reuses. */
export class FrameTransform {
  readonly bins: number
  readonly window: Float64Array
  readonly #fft: FFT
  readonly #input: Float64Array
  readonly #spectrum: number[]
  /** The inverse of a real signal's spectrum goes through a complex transform of half the length. */
  readonly #half: FFT
  readonly #packed: number[]
  readonly #output: number[]
  /** e^(2πik/fftSize), real and imaginary part in turn. */
  readonly #turns: Float64Array

  constructor(readonly shape: StftShape) {
    this.bins = binCount(shape.fftSize)
    this.window = hannWindow(shape.windowLength, shape.fftSize)
    this.#fft = new FFT(shape.fftSize)
    this.#input = new Float64Array(shape.fftSize)
    this.#spectrum = this.#fft.createComplexArray()
    this.#half = new FFT(shape.fftSize / 2)
    this.#packed = this.#half.createComplexArray()
    this.#output = this.#half.createComplexArray()
    this.#turns = Float64Array.from({ length: shape.fftSize }, (_, i) => {
      const angle = (2 * Math.PI * (i >> 1)) / shape.fftSize
      return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle)
    })
  }

  /**
   * Spectrum of the frame that starts at `start`, windowed.
   *
   * @returns real and imaginary part of each bin in turn, 2 × bins numbers, good until the next call
   */
  forward(samples: Float32Array | Float64Array, start: number): ArrayLike<number> {
    const { window } = this
    const input = this.#input
    for (let i = 0; i < input.length; i++) input[i] = samples[start + i]! * window[i]!
    this.#fft.realTransform(this.#spectrum, input)
    return this.#spectrum
  }

  /**
   * Adds a spectrum's frame, windowed again, to `samples` at `start`. The first and the last bin count by their real
   * parts.
   *
   * With E and O the spectra of the even and the odd samples, X_k = E_k + e^(−2πik/N)·O_k, and E + i·O is the spectrum
   * of even + i·odd.
   *
   * @param spectrum as `forward` returns it
   */
  inverseAdd(spectrum: ArrayLike<number>, samples: Float64Array, start: number): void {
    const { window } = this
    const packed = this.#packed
    const output = this.#output
    const turns = this.#turns
    const nyquist = 2 * (this.bins - 1)
    packed[0] = (spectrum[0]! + spectrum[nyquist]!) / 2
    packed[1] = (spectrum[0]! - spectrum[nyquist]!) / 2
    for (let i = 2; i < nyquist; i += 2) {
      const mirrorReal = spectrum[nyquist - i]!
      const mirrorImaginary = -spectrum[nyquist - i + 1]!
      const differenceReal = (spectrum[i]! - mirrorReal) / 2
      const differenceImaginary = (spectrum[i + 1]! - mirrorImaginary) / 2
      const oddReal = differenceReal * turns[i]! - differenceImaginary * turns[i + 1]!
      const oddImaginary = differenceReal * turns[i + 1]! + differenceImaginary * turns[i]!
      packed[i] = (spectrum[i]! + mirrorReal) / 2 - oddImaginary
      packed[i + 1] = (spectrum[i + 1]! + mirrorImaginary) / 2 + oddReal
    }
    this.#half.inverseTransform(output, packed)
    for (let i = 0; i < window.length; i++) samples[start + i]! += output[i]! * window[i]!
  }
}

/** Samples that a mel convention's first frame starts before the first sample. */
export function framePadding({ fftSize, hop, framing }: Pick<MelConvention, 'fftSize' | 'hop' | 'framing'>): number {
  return Math.floor(framing === 'centre' ? fftSize / 2 : (fftSize - hop) / 2)
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
