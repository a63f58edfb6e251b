/**
 * The list of a network's parameters: names (the reference's state-dict names), shapes, and how they are initialised.
 * The checkpoint readers, the engines, the trainer and `diffwave inspect` all use this list.
 */
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import { allFinite, elementCount, type Tensor, type Tensors } from '../core/tensor.js'
import { type FrontEndConfig, melHop, type NetworkConfig, upsamplerShape } from './network.js'

/** How a parameter is initialised, with PyTorch's definitions. */
export type Initialisation =
  /** Normal with variance 2/fanIn: `nn.init.kaiming_normal_`. */
  | { readonly kind: 'kaiming-normal'; readonly fanIn: number }
  /** Uniform within ±1/√fanIn: PyTorch's default for biases, linear and transposed layers. */
  | { readonly kind: 'uniform'; readonly fanIn: number }
  /** A front end's Fourier transform, on the way in or out (src/model/front-end/windows.ts). */
  | { readonly kind: 'analysis' | 'synthesis'; readonly frontEnd: FrontEndConfig }
  /** Normal with this deviation. */
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'zero' }

export interface ParameterSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly initialisation: Initialisation
}

/**
 * Number of channels per position that enter and leave the residual stack. Patches have one channel per sample; a mask
 * adds one output per sample. Windows have two channels per bin, cosine and sine; an envelope adds one input per bin, a
 * mask one output per bin.
 */
function stackEnds({ patch, frontEnd, inputMask }: Pick<NetworkConfig, 'patch' | 'frontEnd' | 'inputMask'>): {
  readonly inputs: number
  readonly outputs: number
} {
  if (frontEnd === null) return { inputs: patch, outputs: inputMask === null ? patch : 2 * patch }
  const { bins, envelope } = frontEnd
  return {
    inputs: envelope === null ? 2 * bins : 3 * bins,
    outputs: inputMask === null ? 2 * bins : 3 * bins,
  }
}

/** All parameters of a network, in a fixed order. Convolutions are `[out, in, kernel]`, linear layers `[out, in]`. */
export function parameterSpecs(network: NetworkConfig): readonly ParameterSpec[] {
  const specs: ParameterSpec[] = []
  const { channels: C, frontEnd, stepEmbedding, mel, labels } = network
  const { inputs, outputs } = stackEnds(network)
  const add = (name: string, shape: number[], initialisation: Initialisation) =>
    specs.push({ name, shape, initialisation })

  const conv = (name: string, out: number, input: number, kernel: number, zero = false) => {
    const fanIn = input * kernel
    add(`${name}.weight`, [out, input, kernel], zero ? { kind: 'zero' } : { kind: 'kaiming-normal', fanIn })
    add(`${name}.bias`, [out], { kind: 'uniform', fanIn })
  }
  const linear = (name: string, out: number, input: number) => {
    add(`${name}.weight`, [out, input], { kind: 'uniform', fanIn: input })
    add(`${name}.bias`, [out], { kind: 'uniform', fanIn: input })
  }
  const upsampler = (name: string, strides: readonly number[]) => {
    strides.forEach((stride, i) => {
      const { kernel } = upsamplerShape(stride)
      add(`${name}.conv${i + 1}.weight`, [1, 1, 3, kernel], { kind: 'uniform', fanIn: 3 * kernel })
      add(`${name}.conv${i + 1}.bias`, [1], { kind: 'uniform', fanIn: 3 * kernel })
    })
  }

  if (frontEnd?.learned) {
    for (const kind of ['analysis', 'synthesis'] as const) {
      add(`front_end.${kind}`, [2 * frontEnd.bins, 1, frontEnd.kernel], { kind, frontEnd })
    }
  }
  conv('input_projection', C, inputs, 1)
  linear('diffusion_embedding.projection1', stepEmbedding.hidden, stepEmbedding.size)
  linear('diffusion_embedding.projection2', stepEmbedding.hidden, stepEmbedding.hidden)
  if (labels !== null) {
    add('label_embedding.weight', [labels.length + 1, stepEmbedding.hidden], { kind: 'normal', deviation: 0.02 })
  }
  let conditionerChannels = 0
  if (mel?.kind === 'transposed') {
    conditionerChannels = mel.bands
    if (mel.sharing === 'shared') upsampler('spectrogram_upsampler', mel.strides)
  } else if (mel?.kind === 'frame-rate') {
    conditionerChannels = mel.bands
    mel.encoder.forEach((width, i) => {
      conv(`spectrogram_encoder.${i}`, width, conditionerChannels, 3)
      conditionerChannels = width
    })
  }
  for (let i = 0; i < network.layers; i++) {
    const layer = `residual_layers.${i}`
    conv(`${layer}.dilated_conv`, 2 * C, C, 3)
    linear(`${layer}.diffusion_projection`, C, stepEmbedding.hidden)
    if (mel !== null) {
      if (mel.kind === 'transposed' && mel.sharing === 'per-layer') {
        upsampler(`${layer}.spectrogram_upsampler`, mel.strides)
      }
      conv(`${layer}.conditioner_projection`, 2 * C, conditionerChannels, 1)
    }
    conv(`${layer}.output_projection`, 2 * C, C, 1)
  }
  conv('skip_projection', C, C, 1)
  // The first channels are the output itself, the rest are the mask's logits.
  conv('output_projection', outputs, C, 1, true)
  return specs
}

/** How many numbers a network has. */
export function parameterCount(network: NetworkConfig): number {
  return parameterSpecs(network).reduce((sum, spec) => sum + elementCount(spec.shape), 0)
}

/** Whether a value is a tensor whose data fits its shape. */
function isTensor(value: unknown): value is Tensor {
  const { shape, data } = Object(value) as { readonly shape?: unknown; readonly data?: unknown }
  return Array.isArray(shape) && data instanceof Float32Array && elementCount(shape) === data.length
}

/**
 * Checks tensors and returns them in the network's order. None may be missing or surplus, every shape must be right,
 * and every number finite.
 *
 * @param where names the source in errors
 * @throws DiffWaveError `BAD_PARAMETERS`, `NOT_FINITE`
 */
export function checkParameters(network: NetworkConfig, tensors: Tensors, where: string): Map<string, Tensor> {
  if (!(tensors instanceof Map)) {
    throw new DiffWaveError('BAD_PARAMETERS', 'parameters are not a Map of tensors', { got: describe(tensors), where })
  }
  const checked = new Map<string, Tensor>()
  const hop = network.mel === null ? '' : `, hop ${melHop(network.mel)}`
  for (const { name, shape } of parameterSpecs(network)) {
    const found = tensors.get(name)
    if (found === undefined) {
      throw new DiffWaveError('BAD_PARAMETERS', `the parameter ${name} is missing`, {
        where,
        hint: `The config has ${network.layers} layers of ${network.channels} channels${hop}. Do the weights match it?`,
      })
    }
    if (!isTensor(found)) {
      throw new DiffWaveError('BAD_PARAMETERS', `the parameter ${name} is not a tensor`, {
        expected: '{ shape, data: Float32Array }',
        got: describe(found),
        where,
      })
    }
    if (found.shape.length !== shape.length || found.shape.some((size, i) => size !== shape[i])) {
      throw new DiffWaveError('BAD_PARAMETERS', `the parameter ${name} has the wrong shape`, {
        expected: `[${shape.join(', ')}]`,
        got: `[${found.shape.join(', ')}]`,
        where,
      })
    }
    if (!allFinite(found.data)) {
      throw new DiffWaveError('NOT_FINITE', `the parameter ${name} holds a number that is not finite`, { where })
    }
    checked.set(name, found)
  }
  for (const name of tensors.keys()) {
    if (!checked.has(name)) {
      throw new DiffWaveError('BAD_PARAMETERS', `there is a parameter that the network does not have: ${name}`, {
        where,
      })
    }
  }
  return checked
}
