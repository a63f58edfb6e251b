/** How far the output of a streamed pass lags behind its input. */
import { dilation, type NetworkConfig, windowPositions } from '../../model/network.js'
import { MAX_WINOGRAD_DILATION } from '../native/constants.js'
import type { Latency } from '../native/instruction-sets.js'

/**
 * Positions, at most: a layer needs its dilation ahead, and if it works in Winograd blocks, which low latency rules
 * out, also the rest of its group, which starts at a multiple of four dilations. The sum of the layers' lags in
 * native/inference/stream.cc, and what half a window on the way in and on the way out reaches ahead.
 */
export function streamLag(
  network: Pick<NetworkConfig, 'layers' | 'dilationCycle' | 'frontEnd'>,
  latency: Latency = 'normal',
): number {
  const widest = latency === 'normal' ? MAX_WINOGRAD_DILATION : 0
  let sum = windowPositions(network)
  for (let layer = 0; layer < network.layers; layer++) {
    const ahead = dilation(network, layer)
    sum += ahead <= widest ? 5 * ahead - 1 : ahead
  }
  return sum
}
