/** Weights for tests. */
import { gaussian } from '#src/core/random'
import { elementCount, type Tensor } from '#src/core/tensor'
import type { NetworkConfig } from '#src/model/network'
import { parameterSpecs } from '#src/model/parameters'

/** Makes random parameters that keep the outputs of every layer near 1. */
export function randomParameters(network: NetworkConfig, seed: number): Map<string, Tensor> {
  return new Map(
    parameterSpecs(network).map(({ name, shape }, i) => {
      const fanIn = elementCount(shape.slice(1))
      const size = shape.length === 1 ? 0.2 : 1 / Math.sqrt(name.includes('upsampler') ? fanIn / 4 : fanIn)
      return [name, { shape, data: gaussian(seed, i, 0, elementCount(shape)).map(value => value * size) }]
    }),
  )
}
