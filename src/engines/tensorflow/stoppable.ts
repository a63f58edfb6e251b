/** Stops the network between two layers, also while its gradients are computed. */
import tf = require('@tensorflow/tfjs-core')

import type { BetweenLayers } from './network.js'
import { type StopFlag, throwIfStopped } from './stop-flag.js'

/** Checks a flag between layers, and later between their gradients on the way back. */
export function stoppable(stop: StopFlag | null): BetweenLayers {
  if (stop === null) return x => x
  const checked = tf.customGrad(x => {
    throwIfStopped(stop)
    const gradFunc = (dy: tf.Tensor) => {
      throwIfStopped(stop)
      return tf.clone(dy)
    }
    return { value: tf.clone(x as tf.Tensor), gradFunc }
  })
  return x => checked(x) as tf.Tensor3D
}

/**
 * Frees what a failed call had kept for its gradients. TensorFlow.js frees it only after it has computed them, and
 * lists it nowhere but on its tape, which is not part of its documented API.
 */
export function freeKept(): void {
  const { state } = tf.engine()
  for (const { saved } of state.activeTape ?? []) tf.dispose(saved ?? [])
}
