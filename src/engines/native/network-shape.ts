/** Describes a network to the kernels. */
import { melHop, type NetworkConfig, positionSamples } from '../../model/network.js'
import type { NetworkShape } from './addon.js'

/** Reads the architecture from a network's config. */
export function networkShape(network: NetworkConfig): NetworkShape {
  const { mel, frontEnd } = network
  return {
    channels: network.channels,
    layers: network.layers,
    dilationCycle: network.dilationCycle,
    patch: positionSamples(network),
    kernel: frontEnd?.kernel ?? 0,
    bins: frontEnd?.bins ?? 0,
    learnedWindows: frontEnd?.learned ?? false,
    envelope: (frontEnd?.envelope ?? null) !== null,
    embedding: network.stepEmbedding.size,
    hidden: network.stepEmbedding.hidden,
    inputMask: network.inputMask !== null,
    tanhFirst: network.gate === 'tanh-sigmoid',
    residualAfterStep: network.residual === 'after-step',
    labels: network.labels?.length ?? 0,
    conditioner: mel?.kind ?? 'none',
    bands: mel?.bands ?? 0,
    hop: mel === null ? 0 : melHop(mel),
    upsamplerPerLayer: mel?.kind === 'transposed' && mel.sharing === 'per-layer',
    strides: mel?.kind === 'transposed' ? mel.strides : [],
    encoder: mel?.kind === 'frame-rate' ? mel.encoder : [],
  }
}
