/**
 * Computes the phases of the minimum-phase filter with magnitudes E, which models what a vocal tract does to the pulses
 * that excite it. Of all causal filters with these magnitudes it responds soonest. Its phases are linear in ln E
 * (Oppenheim & Schafer, Discrete-Time Signal Processing): with the cepstrum c of ln E, the highest bin repeated up to
 * K/2,
 *
 *     θ[k] = −2 · Σ c[n] · sin(2πkn/K)      n = 1 … K/2 − 1
 */
import FFT from 'fft.js'
import type { FrontEndConfig } from '../network.js'

export class MinimumPhase {
  readonly #bins: number
  readonly #half: number
  readonly #fft: FFT
  readonly #levels: number[]
  readonly #cepstrum: number[]
  readonly #spectrum: number[]
  readonly #angles: Float64Array

  /** @param frontEnd one with an envelope: its kernel is a power of two */
  constructor({ kernel, bins }: Pick<FrontEndConfig, 'kernel' | 'bins'>) {
    this.#bins = bins
    this.#half = kernel / 2
    this.#fft = new FFT(kernel)
    this.#levels = new Array<number>(kernel).fill(0)
    this.#cepstrum = this.#fft.createComplexArray()
    this.#spectrum = this.#fft.createComplexArray()
    this.#angles = new Float64Array(bins)
  }

  /** θ for magnitudes `[bins]`. @returns `[bins]`, which the next call overwrites */
  angles(magnitudes: Float32Array): Float64Array {
    const half = this.#half
    const levels = this.#levels
    for (let bin = 0; bin <= half; bin++) levels[bin] = Math.log(magnitudes[Math.min(bin, this.#bins - 1)]!)
    for (let bin = 1; bin < half; bin++) levels[2 * half - bin] = levels[bin]!
    // Of real, symmetric values, the transform is real and symmetric, and K times the cepstrum.
    this.#fft.realTransform(this.#cepstrum, levels)
    levels.fill(0)
    for (let n = 1; n < half; n++) levels[n] = this.#cepstrum[2 * n]! / half
    this.#fft.realTransform(this.#spectrum, levels)
    for (let bin = 0; bin < this.#bins; bin++) this.#angles[bin] = this.#spectrum[2 * bin + 1]!
    return this.#angles
  }
}

/** θ as a matrix: θ[k] = Σ matrix[k][j] · ln E[j], `[bins × bins]`. */
export function minimumPhaseMatrix(frontEnd: Pick<FrontEndConfig, 'kernel' | 'bins'>): Float32Array {
  const { bins } = frontEnd
  const phase = new MinimumPhase(frontEnd)
  const matrix = new Float32Array(bins * bins)
  for (let j = 0; j < bins; j++) {
    const one = Float32Array.from({ length: bins }, (_, k) => (k === j ? Math.E : 1))
    for (const [k, angle] of phase.angles(one).entries()) matrix[k * bins + j] = angle
  }
  return matrix
}
