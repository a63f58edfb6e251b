/**
 * The arithmetic around a windowed front end in an engine's own code, with the bytes of envelope.ts and windows.ts if
 * not stated otherwise.
 */
import type { MelBands } from '../../audio/mel/bands.js'

/** What an envelope is made of. */
export interface EnvelopeShape {
  readonly bands: MelBands
  /** Updates of the magnitudes. */
  readonly updates: number
  /** Bins of the mel's transform per bin of the front end's, q. */
  readonly factor: number
  /** `[2q − 1]` */
  readonly triangle: Float64Array
  /** Bins of the front end. */
  readonly outputs: number
}

/** V per bin of the front end, `[frames × outputs]`, from energies of bands, `[frames × bands]`. */
export type EnvelopePowers = (targets: Float64Array) => Float32Array

/** What a filter of windows is made of. */
export interface WindowFilterShape {
  /** Samples of a window: a power of two, at least `MIN_FILTER_SIZE`. */
  readonly kernel: number
  readonly stride: number
  readonly bins: number
  /** `[kernel]` */
  readonly window: Float64Array
}

/**
 * Adds the windows of samples, each times its gains and windowed again.
 *
 * @param samples `[stride × (positions − 1) + kernel]`
 * @param gains `[positions × bins]`
 * @param sums as long as the samples
 * @param magnitudes whose minimum phase is added to the windows' phases, `[positions × bins]`. The sums may then differ
 * from those of windows.ts by rounding. Default: phases are not moved
 */
export type AddWindows = (
  samples: Float32Array,
  gains: Float32Array,
  sums: Float64Array,
  magnitudes?: Float32Array,
) => void

export const MIN_FILTER_SIZE = 16

export interface FrontEndKernels {
  readonly envelope: (shape: EnvelopeShape) => EnvelopePowers
  readonly windowFilter: (shape: WindowFilterShape) => AddWindows
}
