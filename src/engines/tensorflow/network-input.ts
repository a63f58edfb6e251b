/** The input of a pass through the TensorFlow.js graph. Shapes are as in network.ts. */
import type * as tf from '@tensorflow/tfjs-core'

/** Parameters by name, with the shapes of src/model/parameters.ts. */
export type ParameterTensors = Readonly<Record<string, tf.Tensor>>

/** The tensors of a pass. The caller owns and disposes of them. */
export interface NetworkInput {
  /** The noisy audio, `[B, N × P]`. */
  readonly audio: tf.Tensor2D
  /** The sinusoids of the diffusion steps, `[B, size]` (src/model/step-embedding.ts). */
  readonly sinusoids: tf.Tensor2D
  /** The output gains, `[B, 1]` (src/model/output-gain.ts); null for a network without a mask. */
  readonly gains: tf.Tensor2D | null
  /** One-hot rows of the labels, `[B, labels + 1]`; null if the network has no labels. */
  readonly labels: tf.Tensor2D | null
  readonly mel: MelWindow | null
  /** The envelope E, `[B, N, bins]`; null for a front end without one. */
  readonly deviations: tf.Tensor3D | null
}

/** The mel frames around a window of audio. */
export interface MelWindow {
  /** The frames, `[B, bands, F]`. */
  readonly frames: tf.Tensor3D
  /** The position of the audio's first sample, counted from the first of these frames. */
  readonly firstSample: number
}
