/** The input of the objective: a batch for the engine, and the data that the batch was made of. */
import type { LossRequest } from '../../engines/engine.js'

/** A batch for the engine, and the data that it was made of. */
export interface NoisedBatch extends Omit<LossRequest, 'loss'> {
  /** ᾱ of each clip. */
  readonly levels: readonly number[]
  /** x_0 of each clip. */
  readonly clean: readonly Float32Array[]
  /** For each clip, a symmetric linear map that weights its errors; null if they are not weighted. */
  readonly emphases: readonly (((audio: Float32Array) => Float32Array) | null)[]
  /** Bandwidth of each clip in Hz. Frequencies above it do not count in the time-frequency loss. */
  readonly limits: readonly number[]
  /** Factor of the loss at each clip's noise level (`levelWeight`). `weight` contains it already. */
  readonly levelWeights: readonly number[]
  /** Whether each position of each clip is voiced, if clips start from pulses at those of the recording. */
  readonly voiced?: readonly Uint8Array[]
}
