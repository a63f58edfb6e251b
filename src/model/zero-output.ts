/** A model whose last layer is zero shows what its parts other than the network contribute. */
import type { Tensor, Tensors } from '../core/tensor.js'

const LAST_LAYER = /^output_projection\./

/**
 * A copy of the parameters in which the last layer's weights and bias are zero, so that the network always predicts
 * zero. What such a model sounds like comes from its prior, its sampler and its refinement alone.
 */
export function withZeroOutput(parameters: Tensors): Map<string, Tensor> {
  const zeroed = new Map<string, Tensor>()
  for (const [name, tensor] of parameters) {
    const data = LAST_LAYER.test(name) ? new Float32Array(tensor.data.length) : tensor.data
    zeroed.set(name, { shape: tensor.shape, data })
  }
  return zeroed
}
