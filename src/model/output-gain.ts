/**
 * The factor g(t) of what a network adds to its masked input (`inputMask`): sin(π/2 · (t + 1)/(T + 1)) at diffusion
 * step t, which is the deviation of the noise in a cosine schedule of T steps. It plays the role of c_out in Karras et
 * al. 2022 (EDM), table 1: the network's own part, and so its error, is no larger than the noise that it removes.
 * Without it, silence had a noise floor 23 dB below the loudest sound (models/music/README.md).
 */
import type { NetworkConfig } from './network.js'

/** @param step from 0, fractional allowed @returns 1 for a network without a mask */
export function outputGain({ inputMask }: Pick<NetworkConfig, 'inputMask'>, step: number): number {
  if (inputMask === null) return 1
  return Math.fround(Math.sin((Math.PI / 2) * Math.min(1, (step + 1) / (inputMask.steps + 1))))
}
