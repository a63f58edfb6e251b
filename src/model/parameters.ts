/**
 * The list of a network's parameters: names (the reference's state-dict names), shapes, and how they are initialised.
 * The checkpoint readers, the engines, the trainer and `diffwave inspect` all use this list.
 */
import { isFloat32Array } from '../core/any-realm.js'
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

/** The size of a convolution: channels out and in, and taps. */
interface ConvolutionShape {
  readonly out: number
  readonly input: number
  readonly kernel: number
}

/** Collects parameters in order. */
class SpecList {
  readonly specs: ParameterSpec[] = []

  add(name: string, shape: readonly number[], initialisation: Initialisation): void {
    this.specs.push({ name, shape, initialisation })
  }

  /** A convolution with bias. @param initialisation of the weight. Default: Kaiming-normal */
  convolution(name: string, { out, input, kernel }: ConvolutionShape, initialisation?: Initialisation): void {
    const fanIn = input * kernel
    this.add(`${name}.weight`, [out, input, kernel], initialisation ?? { kind: 'kaiming-normal', fanIn })
    this.add(`${name}.bias`, [out], { kind: 'uniform', fanIn })
  }

  /** A linear layer with bias. */
  linear(name: string, out: number, input: number): void {
    this.add(`${name}.weight`, [out, input], { kind: 'uniform', fanIn: input })
    this.add(`${name}.bias`, [out], { kind: 'uniform', fanIn: input })
  }

  /** The transposed convolutions that take a mel to the rate of the samples, one per stride. */
  upsampler(name: string, strides: readonly number[]): void {
    for (const [i, stride] of strides.entries()) {
      const { kernel } = upsamplerShape(stride)
      const fanIn = 3 * kernel
      this.add(`${name}.conv${i + 1}.weight`, [1, 1, 3, kernel], { kind: 'uniform', fanIn })
      this.add(`${name}.conv${i + 1}.bias`, [1], { kind: 'uniform', fanIn })
    }
  }
}

/** All parameters of a network, in a fixed order. Convolutions are `[out, in, kernel]`, linear layers `[out, in]`. */
export function parameterSpecs(network: NetworkConfig): readonly ParameterSpec[] {
  const { channels, frontEnd, stepEmbedding, labels } = network
  const { inputs, outputs } = stackEnds(network)
  const list = new SpecList()
  if (frontEnd?.learned) {
    for (const kind of ['analysis', 'synthesis'] as const) {
      list.add(`front_end.${kind}`, [2 * frontEnd.bins, 1, frontEnd.kernel], { kind, frontEnd })
    }
  }
  list.convolution('input_projection', { out: channels, input: inputs, kernel: 1 })
  list.linear('diffusion_embedding.projection1', stepEmbedding.hidden, stepEmbedding.size)
  list.linear('diffusion_embedding.projection2', stepEmbedding.hidden, stepEmbedding.hidden)
  if (labels !== null) {
    list.add('label_embedding.weight', [labels.length + 1, stepEmbedding.hidden], { kind: 'normal', deviation: 0.02 })
  }
  const conditioning = addSharedConditioner(list, network)
  for (let layer = 0; layer < network.layers; layer++) addLayer(list, network, layer, conditioning)
  list.convolution('skip_projection', { out: channels, input: channels, kernel: 1 })
  // The first channels are the output itself, the rest are the mask's logits.
  list.convolution('output_projection', { out: outputs, input: channels, kernel: 1 }, { kind: 'zero' })
  return list.specs
}

/** Adds what all layers share of the conditioning on the mel. @returns the number of channels that each projects */
function addSharedConditioner(list: SpecList, { mel }: NetworkConfig): number {
  if (mel === null) return 0
  if (mel.kind === 'transposed') {
    if (mel.sharing === 'shared') list.upsampler('spectrogram_upsampler', mel.strides)
    return mel.bands
  }
  let channels = mel.bands
  for (const [i, width] of mel.encoder.entries()) {
    list.convolution(`spectrogram_encoder.${i}`, { out: width, input: channels, kernel: 3 })
    channels = width
  }
  return channels
}

/** Adds a residual layer. @param conditioning as `addSharedConditioner` returns it */
function addLayer(list: SpecList, network: NetworkConfig, layer: number, conditioning: number): void {
  const { channels, mel, stepEmbedding } = network
  const name = `residual_layers.${layer}`
  const doubled = (input: number, kernel: number) => ({ out: 2 * channels, input, kernel })
  list.convolution(`${name}.dilated_conv`, doubled(channels, 3))
  list.linear(`${name}.diffusion_projection`, channels, stepEmbedding.hidden)
  if (mel?.kind === 'transposed' && mel.sharing === 'per-layer') {
    list.upsampler(`${name}.spectrogram_upsampler`, mel.strides)
  }
  if (mel !== null) list.convolution(`${name}.conditioner_projection`, doubled(conditioning, 1))
  list.convolution(`${name}.output_projection`, doubled(channels, 1))
}

/** How many numbers a network has. */
export function parameterCount(network: NetworkConfig): number {
  return parameterSpecs(network).reduce((sum, spec) => sum + elementCount(spec.shape), 0)
}

/** Whether a value is a tensor whose data fits its shape. */
function isTensor(value: unknown): value is Tensor {
  const { shape, data } = Object(value) as { readonly shape?: unknown; readonly data?: unknown }
  return Array.isArray(shape) && isFloat32Array(data) && elementCount(shape) === data.length
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
