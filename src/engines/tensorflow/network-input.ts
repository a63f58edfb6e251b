/** What a pass of the TensorFlow.js graph takes. Shapes as in network.ts. */
import type * as tf from '@tensorflow/tfjs-core'

/** Parameters by name, shaped as src/model/parameters.ts has them. */
export type ParameterTensors = Readonly<Record<string, tf.Tensor>>

/** What a pass needs: all tensors are the caller's. */
export interface NetworkInput {
  /** `[B, N × P]`. */
  readonly audio: tf.Tensor2D
  /** `[B, size]`: src/model/step-embedding.ts. */
  readonly sinusoids: tf.Tensor2D
  /** `[B, 1]`: src/model/output-gain.ts; null for a network without a mask. */
  readonly gains: tf.Tensor2D | null
  /** `[B, labels + 1]`, one-hot rows, if the network takes labels. */
  readonly labels: tf.Tensor2D | null
  readonly mel: MelWindow | null
  /** `[B, N, bins]`: E of a front end with an envelope, else null. */
  readonly deviations: tf.Tensor3D | null
}

/** Mel frames around a window of audio. */
export interface MelWindow {
  /** `[B, bands, F]`. */
  readonly frames: tf.Tensor3D
  /** The audio's first sample, counted from the first of these frames. */
  readonly firstSample: number
}
