/**
 * Decides which networks the code of philsyn/DiffWave-Vocoder can run, and writes their state dict. The output
 * projection is split into residual and skip convolutions. Every convolution except the last is written with weight
 * norm, w = g · v/‖v‖ with v = w and g = ‖w‖.
 */
import { elementCount, type Tensor, type Tensors } from '../core/tensor.js'
import type { ModelConfig } from '../model/config.js'
import { PHILSYN_BLOCKS } from '../model/import/philsyn.js'
import type { NetworkConfig } from '../model/network.js'
import { commonObstacle, hasReferenceStrides } from './lmnt.js'

/** Number of mel bands, which is a constant in the project's code. */
const BANDS = 80

/** Why the project's code cannot run a model; null if it can. */
export function philsynObstacle(config: ModelConfig): string | null {
  const { mel, gate, residual, stepEmbedding } = config.network
  const common = commonObstacle(config)
  if (common !== null) return common
  if (stepEmbedding.frequencies !== 'inverse' || stepEmbedding.fractional !== 'direct') {
    return 'other frequencies of the step embedding'
  }
  if (gate !== 'tanh-sigmoid') return 'another order of the gate'
  if (residual !== 'after-step') return 'another residual sum'
  if (mel === null || mel.bands !== BANDS || !hasReferenceStrides(mel) || mel.kind !== 'transposed') {
    return 'another mel conditioner'
  }
  if (mel.sharing !== 'per-layer') return 'one upsampler for all layers'
  if (config.diffusion.training.kind !== 'linear') return 'a noise schedule that is not linear'
  return null
}

/** The parameters under the project's names: the inverse of `renamedFromPhilsyn`. */
export function philsynStateDict({ layers, mel }: NetworkConfig, parameters: Tensors): Map<string, Tensor> {
  const state = new Map<string, Tensor>()
  const take = (name: string) => parameters.get(name)!
  const plain = (to: string, from: string) => {
    state.set(`${to}.weight`, take(`${from}.weight`))
    state.set(`${to}.bias`, take(`${from}.bias`))
  }
  const normed = (to: string, weight: Tensor, bias: Tensor) => {
    state.set(`${to}.bias`, bias)
    state.set(`${to}.weight_g`, rowNorms(weight))
    state.set(`${to}.weight_v`, weight)
  }
  const convolution = (to: string, from: string) => normed(to, take(`${from}.weight`), take(`${from}.bias`))

  convolution('init_conv.0.conv', 'input_projection')
  plain('residual_layer.fc_t1', 'diffusion_embedding.projection1')
  plain('residual_layer.fc_t2', 'diffusion_embedding.projection2')
  const upsamplings = mel?.kind === 'transposed' ? mel.strides.length : 0
  for (let i = 0; i < layers; i++) {
    const [to, from] = [`${PHILSYN_BLOCKS}.${i}`, `residual_layers.${i}`]
    plain(`${to}.fc_t`, `${from}.diffusion_projection`)
    convolution(`${to}.dilated_conv_layer.conv`, `${from}.dilated_conv`)
    for (let s = 0; s < upsamplings; s++) {
      convolution(`${to}.upsample_conv2d.${s}`, `${from}.spectrogram_upsampler.conv${s + 1}`)
    }
    convolution(`${to}.mel_conv.conv`, `${from}.conditioner_projection`)
    const weights = halves(take(`${from}.output_projection.weight`))
    const biases = halves(take(`${from}.output_projection.bias`))
    normed(`${to}.res_conv`, weights[0], biases[0])
    normed(`${to}.skip_conv`, weights[1], biases[1])
  }
  convolution('final_conv.0.conv', 'skip_projection')
  plain('final_conv.2.conv', 'output_projection')
  return state
}

/** Splits a tensor into the upper and the lower half of its rows. */
function halves({ shape, data }: Tensor): readonly [Tensor, Tensor] {
  const half = [shape[0]! / 2, ...shape.slice(1)]
  return [
    { shape: half, data: data.slice(0, data.length / 2) },
    { shape: half, data: data.slice(data.length / 2) },
  ]
}

/** ‖w‖ over all axes but the first, `[rows, 1, …]`. */
function rowNorms({ shape, data }: Tensor): Tensor {
  const rows = shape[0]!
  const width = elementCount(shape) / rows
  const norms = Float32Array.from({ length: rows }, (_, row) => {
    let squares = 0
    for (let i = row * width; i < (row + 1) * width; i++) squares += data[i]! ** 2
    return Math.sqrt(squares)
  })
  return { shape: shape.map((size, axis) => (axis === 0 ? size : 1)), data: norms }
}
