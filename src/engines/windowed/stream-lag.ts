/** How far ε of a streamed pass lags behind the audio it is fed. */
import { dilation, type NetworkConfig } from '../../model/network.js'

/** The native engine's `quadDilation` (native/kernels/tasks.h): layers up to it are computed by groups of four dilations. */
const QUAD_DILATION = 32

/**
 * Positions, at most: a layer needs its dilation ahead, and where it works in groups anchored at multiples of four dilations
 * also the rest of the group. The sum of the layers' lags in native/stream.cc.
 */
export function streamLag(network: Pick<NetworkConfig, 'layers' | 'dilationCycle'>): number {
  let sum = 0
  for (let layer = 0; layer < network.layers; layer++) {
    const ahead = dilation(network, layer)
    sum += ahead <= QUAD_DILATION ? 5 * ahead - 1 : ahead
  }
  return sum
}
