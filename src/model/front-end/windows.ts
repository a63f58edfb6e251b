/**
 * The windowed front end: audio enters and leaves the residual stack as the coefficients of a short Fourier transform.
 * Position p sees the K samples from p·S − D on, with D = (K − S)/2 and zeros beyond the clip, under a window w, the
 * square root of a periodic Hann window. Its channels are N cosine and N sine coefficients,
 *
 *     encode(x)[k, p]     = (1/U) · Σ w[n] · x[p·S − D + n] · cos(2πkn/K)      k = 0 … N − 1
 *     encode(x)[N + k, p] = (1/U) · Σ w[n] · x[p·S − D + n] · sin(2πkn/K)
 *
 * with U = √(½·Σ w²), so that white noise of deviation 1 has coefficients of deviation 1. The way back is the inverse
 * transform under the same window, overlap-add, and division by the sum of the squared windows over each sample: with
 * all K/2 + 1 bins, decode(encode(x)) = x.
 */
import FFT from 'fft.js'
import { hannWindow, windowPower } from '../../audio/transforms/stft.js'
import type { FrontEndConfig } from '../network.js'
import { type AddWindows, type FrontEndKernels, MIN_FILTER_SIZE } from './kernels.js'
import { MinimumPhase } from './minimum-phase.js'

type Shape = Pick<FrontEndConfig, 'kernel' | 'stride'>
type Transform = Pick<FrontEndConfig, 'kernel' | 'stride' | 'bins'>

/** The window w, `[kernel]`; 1 everywhere if windows do not overlap. */
export function windowOf({ kernel, stride }: Shape): Float64Array {
  return kernel === stride ? new Float64Array(kernel).fill(1) : hannWindow(kernel).map(Math.sqrt)
}

/** D: the number of samples by which a window starts before its position, and ends after it. */
export function windowMargin({ kernel, stride }: Shape): number {
  return (kernel - stride) / 2
}

/** U, the deviation of an unscaled coefficient of white noise. */
function unitOf(window: Float64Array): number {
  return Math.sqrt(windowPower(window) / 2)
}

/** U of a front end's window. */
export function windowUnit(shape: Shape): number {
  return unitOf(windowOf(shape))
}

/**
 * How often a bin counts in the inverse transform: once for the first and the last bin of the whole spectrum, twice for
 * the others.
 */
function multiplicity(bin: number, kernel: number): number {
  return bin === 0 || bin === kernel / 2 ? 1 : 2
}

/** `[2·bins × kernel]`: cosines, then sines, times a window and a factor per bin. */
function rows(
  { kernel, bins }: Transform,
  window: Float64Array,
  factor: (bin: number) => number,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(2 * bins * kernel)
  for (let bin = 0; bin < bins; bin++) {
    for (let n = 0; n < kernel; n++) {
      const angle = (2 * Math.PI * ((bin * n) % kernel)) / kernel
      const scale = window[n]! * factor(bin)
      result[bin * kernel + n] = scale * Math.cos(angle)
      result[(bins + bin) * kernel + n] = scale * Math.sin(angle)
    }
  }
  return result
}

/** The way in as a matrix, `[2·bins × kernel]`: coefficient = Σ row · samples under the window. */
export function analysisRows(frontEnd: Transform): Float32Array<ArrayBuffer> {
  const window = windowOf(frontEnd)
  const unit = unitOf(window)
  return rows(frontEnd, window, () => 1 / unit)
}

/** The way out as a matrix, `[2·bins × kernel]`: samples to overlap-add = Σ coefficient · row. */
export function synthesisRows(frontEnd: Transform): Float32Array<ArrayBuffer> {
  const { kernel } = frontEnd
  const window = windowOf(frontEnd)
  const unit = unitOf(window)
  return rows(frontEnd, window, bin => (multiplicity(bin, kernel) * unit) / kernel)
}

/**
 * The sum of the squared windows over each sample of a clip, by which overlap-add is divided. Positions outside the
 * clip do not count, so the sum is smaller within D samples of the ends.
 *
 * @param first the position at which the result begins
 * @param count number of positions in the result
 * @param positions number of positions of the clip; Infinity until it is known
 * @returns `[count · stride]`
 */
export function coverage(shape: Shape, first: number, count: number, positions: number): Float64Array {
  const { kernel, stride } = shape
  const squares = windowOf(shape).map(w => w * w)
  const margin = windowMargin(shape)
  const sum = new Float64Array(count * stride)
  const reach = Math.ceil(kernel / stride)
  for (let p = Math.max(0, first - reach); p < Math.min(positions, first + count + reach); p++) {
    const start = (p - first) * stride - margin
    for (let n = Math.max(0, -start); n < kernel && start + n < sum.length; n++) sum[start + n]! += squares[n]!
  }
  return sum
}

/** Multiplies the bins of one window's samples by gains: window, transform, gains, inverse transform, window. */
export class WindowFilter {
  readonly #window: Float64Array
  readonly #bins: number
  readonly #fft: FFT | null
  readonly #minimumPhase: MinimumPhase | null
  readonly #input: Float64Array
  readonly #spectrum: number[]
  readonly #output: number[]
  /** For kernels that are not a power of two: the transform as a matrix, `[2·bins × kernel]`, without a window. */
  readonly #rows: Float32Array
  /** An engine's code for `addAll`; null if there is none. */
  readonly #addWindows: AddWindows | null

  /** @param kernels faster code of an engine, with the same bytes. Default: none */
  constructor(
    readonly frontEnd: Transform,
    kernels?: FrontEndKernels,
  ) {
    const { kernel, stride, bins } = frontEnd
    const isPower = kernel >= 4 && Number.isInteger(Math.log2(kernel))
    this.#window = windowOf(frontEnd)
    this.#bins = bins
    this.#fft = isPower ? new FFT(kernel) : null
    this.#minimumPhase = isPower ? new MinimumPhase(frontEnd) : null
    this.#input = new Float64Array(kernel)
    this.#spectrum = this.#fft?.createComplexArray() ?? []
    this.#output = this.#fft?.createComplexArray() ?? []
    this.#rows = isPower ? new Float32Array(0) : rows(frontEnd, new Float64Array(kernel).fill(1), () => 1)
    const shape = { kernel, stride, bins, window: this.#window }
    this.#addWindows = isPower && kernel >= MIN_FILTER_SIZE ? (kernels?.windowFilter(shape) ?? null) : null
  }

  /**
   * Adds the windows of consecutive positions to `sums`.
   *
   * @param samples `[stride × (positions − 1) + kernel]`
   * @param gains `[positions × bins]`
   * @param sums as long as the samples
   * @param magnitudes whose minimum phase is added to the windows' phases, `[positions × bins]`, if the kernel is a
   * power of two. Default: phases are not moved
   */
  addAll(samples: Float32Array, gains: Float32Array, sums: Float64Array, magnitudes?: Float32Array): void {
    if (this.#addWindows !== null) {
      this.#addWindows(samples, gains, sums, magnitudes)
      return
    }
    const { kernel, stride, bins } = this.frontEnd
    for (let p = 0; p < gains.length / bins; p++) {
      const [from, to] = [p * stride, p * stride + kernel]
      const own = samples.subarray(from, to)
      // Zeros would add nothing, and between voiced stretches there are no pulses.
      if (own.every(x => x === 0)) continue
      const row = (values: Float32Array) => values.subarray(p * bins, (p + 1) * bins)
      const angles = magnitudes && this.#minimumPhase?.angles(row(magnitudes))
      this.#add(own, row(gains), sums.subarray(from, to), angles)
    }
  }

  /**
   * Adds one window.
   *
   * @param samples `[kernel]`
   * @param gains `[bins]`
   * @param sums `[kernel]`
   * @param angles that phases are moved by, `[bins]`, if the kernel is a power of two. Default: not at all
   */
  #add(samples: Float32Array, gains: Float32Array, sums: Float64Array, angles?: Float64Array): void {
    const window = this.#window
    const input = this.#input
    for (let n = 0; n < input.length; n++) input[n] = window[n]! * samples[n]!
    const filtered = this.#fft === null ? this.#direct(gains) : this.#fast(this.#fft, gains, angles)
    const step = this.#fft === null ? 1 : 2
    for (let n = 0; n < input.length; n++) sums[n]! += window[n]! * filtered[step * n]!
  }

  #fast(fft: FFT, gains: Float32Array, angles?: Float64Array): ArrayLike<number> {
    const spectrum = this.#spectrum
    fft.realTransform(spectrum, this.#input)
    const half = this.#input.length / 2
    for (let bin = 0; bin <= half; bin++) {
      // Bins that the front end leaves out.
      const gain = gains[bin] ?? 0
      spectrum[2 * bin]! *= gain
      spectrum[2 * bin + 1]! *= gain
    }
    if (angles !== undefined) turn(spectrum, angles)
    fft.completeSpectrum(spectrum)
    fft.inverseTransform(this.#output, spectrum)
    return this.#output
  }

  #direct(gains: Float32Array): ArrayLike<number> {
    const kernel = this.#input.length
    const result = new Float64Array(kernel)
    for (let row = 0; row < 2 * this.#bins; row++) {
      const bin = row % this.#bins
      let coefficient = 0
      for (let n = 0; n < kernel; n++) coefficient += this.#rows[row * kernel + n]! * this.#input[n]!
      coefficient *= (gains[bin]! * multiplicity(bin, kernel)) / kernel
      for (let n = 0; n < kernel; n++) result[n]! += coefficient * this.#rows[row * kernel + n]!
    }
    return result
  }
}

/** Moves the phases of a spectrum's first bins by angles, in place. */
function turn(spectrum: number[], angles: Float64Array): void {
  for (let bin = 0; bin < angles.length; bin++) {
    const [re, im] = [spectrum[2 * bin]!, spectrum[2 * bin + 1]!]
    const [cos, sin] = [Math.cos(angles[bin]!), Math.sin(angles[bin]!)]
    spectrum[2 * bin] = re * cos - im * sin
    spectrum[2 * bin + 1] = im * cos + re * sin
  }
}
