/** What holds for the streams of every engine: how much to feed them at a time, and how far they lag behind. */
import { dilation, type NetworkConfig, windowPositions } from '../model/network.js'
import type { Latency } from './modes.js'

/**
 * Max number of positions in the chunks of a whole clip. The kernels keep the mel's upsampled rows that far behind the
 * first pass, so that later passes need not compute them again.
 */
export const MAX_CHUNK_POSITIONS = 13_824

/**
 * The largest dilation that the kernels compute in Winograd blocks. Such a layer works in groups of four dilations, and
 * lags behind the layer before it until a group is complete.
 */
export const MAX_WINOGRAD_DILATION = 32

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
