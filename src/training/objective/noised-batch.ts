/** What the objective is given: a batch for the engine, and what it was made of. */
import type { LossRequest } from '../../engines/engine.js'

/** A batch, and what it was made of. */
export interface NoisedBatch extends Omit<LossRequest, 'loss'> {
  /** ᾱ of each clip. */
  readonly levels: readonly number[]
  /** x_0 of each clip. */
  readonly clean: readonly Float32Array[]
  /** A symmetric linear map that weighs each clip's errors; null: they count as they are. */
  readonly emphases: readonly (((audio: Float32Array) => Float32Array) | null)[]
  /** Bandwidth of each clip in Hz: what lies above does not count in the time-frequency loss. */
  readonly limits: readonly number[]
  /** Factor of each clip's noise level (`levelWeight`); `weight` has it, too. */
  readonly levelWeights: readonly number[]
  /** Positions with voice of each clip, if it starts from pulses where the recording's stand. */
  readonly voiced?: readonly Uint8Array[]
}
