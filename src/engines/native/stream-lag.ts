/** How far the output of a streamed pass lags behind its input. */
import { dilation, type NetworkConfig, windowPositions } from '../../model/network.js'
import type { Latency } from '../modes.js'
import { MAX_WINOGRAD_DILATION } from './constants.js'

/**
 * An upper bound of the lag, in positions. It is the sum of the layers' lags (native/inference/stream.cc) and of what
 * half a window reaches ahead on the way in and on the way out. A layer needs its dilation ahead. If it works in
 * Winograd blocks, it also needs the rest of its group, which starts at a multiple of four dilations. With low latency,
 * no layer works in such blocks.
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
