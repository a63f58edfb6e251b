/**
 * The factor of what a network adds to its masked input (`inputMask`): sin(π/2 · (t + 1)/(T + 1)) at diffusion step t,
 * which on a cosine schedule of T steps is the noise's deviation. So the network's own part is no larger than the noise
 * it takes out, and what it gets wrong goes with it: c_out of Karras et al. 2022 (EDM), table 1. Without it, all that
 * should be silent kept a floor of noise 23 dB below the loudest (models/music/README.md).
 */
import type { NetworkConfig } from './network.js'

/** @param step from 0, fractional allowed @returns 1 for a network without a mask */
export function outputGain({ inputMask }: Pick<NetworkConfig, 'inputMask'>, step: number): number {
  if (inputMask === null) return 1
  return Math.fround(Math.sin((Math.PI / 2) * Math.min(1, (step + 1) / (inputMask.steps + 1))))
}
