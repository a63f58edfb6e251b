/** Initialises parameters from a seed, with the distributions that PyTorch's layers use. */
import { gaussian, uniform } from '../../core/random.js'
import { draws } from '../../core/random-streams.js'
import { elementCount, type Tensor } from '../../core/tensor.js'
import { analysisRows, synthesisRows } from '../../model/front-end/windows.js'
import type { NetworkConfig } from '../../model/network.js'
import { parameterSpecs } from '../../model/parameters.js'

/** Draws the initial parameters of a network. Each parameter has a draw of its own. */
export function initialParameters(network: NetworkConfig, seed: number): Map<string, Tensor> {
  const parameters = new Map<string, Tensor>()
  for (const [i, { name, shape, initialisation }] of parameterSpecs(network).entries()) {
    const count = elementCount(shape)
    const draw = draws.initialParameters + i
    let data = new Float32Array(count)
    switch (initialisation.kind) {
      case 'zero':
        break
      case 'analysis':
        data = analysisRows(initialisation.frontEnd)
        break
      case 'synthesis':
        data = synthesisRows(initialisation.frontEnd)
        break
      case 'uniform': {
        const bound = 1 / Math.sqrt(initialisation.fanIn)
        data = data.map((_, n) => (2 * uniform(seed, draw, n) - 1) * bound)
        break
      }
      case 'kaiming-normal':
      case 'normal': {
        const deviation =
          initialisation.kind === 'normal' ? initialisation.deviation : Math.sqrt(2 / initialisation.fanIn)
        data = gaussian(seed, draw, 0, count).map(value => value * deviation)
      }
    }
    parameters.set(name, { shape, data })
  }
  return parameters
}
