/** A network whose last layer is zero: what remains of a model without what it learned. */
import type { Tensor, Tensors } from '../core/tensor.js'

const LAST_LAYER = /^output_projection\./

/**
 * The parameters with weights and bias of the last layer zero, so that the network predicts zero whatever it is given.
 * What such a model sounds like is made by its prior, its sampler and its refinement alone.
 */
export function withZeroOutput(parameters: Tensors): Map<string, Tensor> {
  const zeroed = new Map<string, Tensor>()
  for (const [name, tensor] of parameters) {
    const data = LAST_LAYER.test(name) ? new Float32Array(tensor.data.length) : tensor.data
    zeroed.set(name, { shape: tensor.shape, data })
  }
  return zeroed
}
