/**
 * The denoiser as a TensorFlow.js graph: DiffWave (Kong et al. 2021, figure 1 and section 3) with the variants of
 * src/model/network.ts. It consists of matrix products, slices and concatenations, which every backend can both
 * run and differentiate (TensorFlow.js asserts dilation 1 in the gradient of its own convolutions).
 *
 * Shapes: B clips, N positions, C channels, P samples per position, F mel frames. Activations are `[B, N, channels]`.
 */
import tf = require('@tensorflow/tfjs-core')

import {
  dilation,
  LEAKY_SLOPE,
  melHop,
  type NetworkConfig,
  positionSamples,
  upsamplerShape,
} from '../../model/network.js'
import { networkEnds } from './network-ends.js'
import type { MelWindow, NetworkInput, ParameterTensors } from './network-input.js'

/** Receives tensors inside the network by name. */
type Probe = (name: string, value: tf.Tensor) => void

/** Called with the activations before each layer. It returns them, or throws to stop the work. */
export type BetweenLayers = (x: tf.Tensor3D) => tf.Tensor3D

/** What is called while the network is computed. */
interface Hooks {
  /** Default: nothing happens between the layers. */
  readonly betweenLayers?: BetweenLayers
  /** For comparison with a reference. Default: none. */
  readonly probe?: Probe
}

/** Applies a 1×1 convolution or a linear layer to x, `[…, in]`. @returns `[…, out]` */
function project(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const [out, input] = weight.shape as [number, number]
  const rows: tf.Tensor2D = tf.reshape(x, [-1, input])
  // It is transposed explicitly, because matMul of the WASM backend reads a transposed matrix eight times slower.
  const product = tf.matMul(rows, tf.transpose(tf.reshape(weight, [out, input]) as tf.Tensor2D))
  return tf.reshape(tf.add(product, bias), [...x.shape.slice(0, -1), out])
}

/**
 * Convolution of three taps, `[B, N, in]` → `[B, N, out]`, with zero padding. Tap k reads position p + (k − 1) ×
 * dilation.
 */
function convolve(x: tf.Tensor3D, weight: tf.Tensor, bias: tf.Tensor, distance: number): tf.Tensor3D {
  const [batch, positions, input] = x.shape
  const out = weight.shape[0]!
  const padded = tf.pad3d(x, [
    [0, 0],
    [distance, distance],
    [0, 0],
  ])
  const taps = [0, 1, 2].map(tap => tf.slice3d(padded, [0, tap * distance, 0], [batch, positions, input]))
  const rows: tf.Tensor2D = tf.reshape(tf.concat(taps, 2), [batch * positions, 3 * input])
  // [out, in, 3] → [3 × in, out]
  const matrix: tf.Tensor2D = tf.reshape(tf.transpose(weight, [2, 1, 0]), [3 * input, out])
  return tf.reshape(tf.add(tf.matMul(rows, matrix), bias), [batch, positions, out])
}

function silu(x: tf.Tensor): tf.Tensor {
  return tf.mul(x, tf.sigmoid(x))
}

/**
 * One transposed 2-D convolution 1→1 along bands and time, stride [1, s]: `[B, bands, F]` → `[B, bands, F × s]`. Output
 * sample f × s + j sees frames f − 1, f, f + 1 and the neighbouring bands: nine shifted copies times a 9 × s matrix.
 */
function upsample(mel: tf.Tensor3D, weight: tf.Tensor, bias: tf.Tensor, stride: number): tf.Tensor3D {
  const [batch, bands, frames] = mel.shape
  const { kernel, padding } = upsamplerShape(stride)
  const padded = tf.pad3d(mel, [
    [0, 0],
    [1, 1],
    [1, 1],
  ])
  const copies: tf.Tensor[] = []
  const rows: tf.Tensor[] = []
  // Zeros on both sides of the kernel columns make each slice below s long.
  const columns = tf.pad2d(tf.reshape(weight, [3, kernel]) as tf.Tensor2D, [
    [0, 0],
    [stride, 2 * stride],
  ])
  for (let band = 0; band < 3; band++) {
    for (let frame = -1; frame <= 1; frame++) {
      copies.push(tf.slice3d(padded, [0, 2 - band, frame + 1], [batch, bands, frames]))
      rows.push(tf.slice2d(columns, [band, stride + padding - frame * stride], [1, stride]))
    }
  }
  // [s, 9] × [9, B × bands × F]: copying is cheapest along the first axis.
  const neighbours: tf.Tensor2D = tf.reshape(tf.stack(copies, 0), [9, batch * bands * frames])
  const matrix = tf.transpose(tf.concat(rows, 0) as tf.Tensor2D)
  const product = tf.add(tf.transpose(tf.matMul(matrix, neighbours)), bias)
  return tf.leakyRelu(tf.reshape(product, [batch, bands, frames * stride]) as tf.Tensor3D, LEAKY_SLOPE)
}

/** Computes each layer's share of the mel: `[B, N, 2C]`. */
type Conditioner = (layer: number) => tf.Tensor3D

function transposedConditioner(
  network: NetworkConfig,
  parameters: ParameterTensors,
  mel: MelWindow,
  positions: number,
  probe?: Probe,
): Conditioner {
  const config = network.mel!
  if (config.kind !== 'transposed') throw new TypeError('not a transposed conditioner')
  const unit = positionSamples(network)
  const upsampled = (prefix: string): tf.Tensor3D => {
    let x = mel.frames
    config.strides.forEach((stride, i) => {
      x = upsample(x, parameters[`${prefix}.conv${i + 1}.weight`]!, parameters[`${prefix}.conv${i + 1}.bias`]!, stride)
    })
    const [batch, bands] = x.shape
    const samples = positions * unit
    const window = tf.slice3d(x, [0, 0, mel.firstSample], [batch, bands, samples])
    probe?.('upsampled_mel', window)
    // A position uses the mel at its first sample.
    const strided =
      unit === 1
        ? window
        : (tf.reshape(
            tf.slice4d(tf.reshape(window, [batch, bands, positions, unit]), [0, 0, 0, 0], [batch, bands, positions, 1]),
            [batch, bands, positions],
          ) as tf.Tensor3D)
    return tf.transpose(strided, [0, 2, 1])
  }
  const shared = config.sharing === 'shared' ? upsampled('spectrogram_upsampler') : null
  return layer => {
    const name = `residual_layers.${layer}`
    const input = shared ?? upsampled(`${name}.spectrogram_upsampler`)
    return project(
      input,
      parameters[`${name}.conditioner_projection.weight`]!,
      parameters[`${name}.conditioner_projection.bias`]!,
    ) as tf.Tensor3D
  }
}

function frameRateConditioner(
  network: NetworkConfig,
  parameters: ParameterTensors,
  mel: MelWindow,
  positions: number,
): Conditioner {
  const config = network.mel!
  if (config.kind !== 'frame-rate') throw new TypeError('not a frame-rate conditioner')
  let encoded = tf.transpose(mel.frames, [0, 2, 1])
  config.encoder.forEach((_, i) => {
    const name = `spectrogram_encoder.${i}`
    encoded = tf.leakyRelu(
      convolve(encoded, parameters[`${name}.weight`]!, parameters[`${name}.bias`]!, 1),
      LEAKY_SLOPE,
    )
  })
  const perFrame = melHop(config) / positionSamples(network)
  const first = Math.floor(mel.firstSample / melHop(config))
  const count = Math.ceil(positions / perFrame)
  const available = encoded.shape[1]
  // The weight of the following frame at each position within a frame, [1, 1, perFrame, 1].
  const share = tf.tensor4d(
    Float32Array.from({ length: perFrame }, (_, i) => i / perFrame),
    [1, 1, perFrame, 1],
  )
  return layer => {
    const name = `residual_layers.${layer}.conditioner_projection`
    const projected = project(encoded, parameters[`${name}.weight`]!, parameters[`${name}.bias`]!) as tf.Tensor3D
    const [batch, , width] = projected.shape
    // Frames first … first + count. The last frame is repeated beyond the end.
    const present = Math.min(count + 1, available - first)
    const window = tf.slice3d(projected, [0, first, 0], [batch, present, width])
    const last = tf.slice3d(window, [0, present - 1, 0], [batch, 1, width])
    const repeated = tf.concat([window, ...new Array<tf.Tensor3D>(count + 1 - present).fill(last)], 1)
    const here = tf.reshape(tf.slice3d(repeated, [0, 0, 0], [batch, count, width]), [batch, count, 1, width])
    const next = tf.reshape(tf.slice3d(repeated, [0, 1, 0], [batch, count, width]), [batch, count, 1, width])
    const linear: tf.Tensor3D = tf.reshape(tf.add(here, tf.mul(tf.sub(next, here), share)), [
      batch,
      count * perFrame,
      width,
    ])
    return tf.slice3d(linear, [0, 0, 0], [batch, positions, width])
  }
}

/** Computes the network's output, `[B, N × P]`. Call it inside `tf.tidy`. */
export function predict(
  network: NetworkConfig,
  parameters: ParameterTensors,
  input: NetworkInput,
  { betweenLayers = x => x, probe }: Hooks = {},
): tf.Tensor2D {
  const { channels, layers } = network
  const of = (name: string): tf.Tensor => parameters[name]!
  const both = (name: string): [tf.Tensor, tf.Tensor] => [of(`${name}.weight`), of(`${name}.bias`)]
  const [batch, samples] = input.audio.shape
  const positions = samples / positionSamples(network)
  const ends = networkEnds(network, parameters, input, positions)

  let x = tf.relu(project(ends.encoded, ...both('input_projection'))) as tf.Tensor3D
  probe?.('input_projection', x)
  let embedding = silu(project(input.sinusoids, ...both('diffusion_embedding.projection1')))
  embedding = silu(project(embedding, ...both('diffusion_embedding.projection2')))
  probe?.('embedding', embedding)
  if (input.labels !== null) {
    embedding = tf.add(embedding, tf.matMul(input.labels, of('label_embedding.weight') as tf.Tensor2D))
  }
  const conditioner =
    input.mel === null
      ? null
      : network.mel?.kind === 'frame-rate'
        ? frameRateConditioner(network, parameters, input.mel, positions)
        : transposedConditioner(network, parameters, input.mel, positions, probe)

  const half = (t: tf.Tensor3D, index: 0 | 1): tf.Tensor3D =>
    tf.slice3d(t, [0, 0, index * channels], [batch, positions, channels])
  let skips: tf.Tensor3D | undefined
  for (let layer = 0; layer < layers; layer++) {
    x = betweenLayers(x)
    const name = `residual_layers.${layer}`
    const step = tf.reshape(project(embedding, ...both(`${name}.diffusion_projection`)), [batch, 1, channels])
    const withStep = tf.add(x, step) as tf.Tensor3D
    let gates = convolve(withStep, ...both(`${name}.dilated_conv`), dilation(network, layer))
    if (conditioner !== null) gates = tf.add(gates, conditioner(layer))
    const [sigmoid, tanh] =
      network.gate === 'sigmoid-tanh' ? [half(gates, 0), half(gates, 1)] : [half(gates, 1), half(gates, 0)]
    const gated = tf.mul(tf.sigmoid(sigmoid), tf.tanh(tanh))
    const output = project(gated, ...both(`${name}.output_projection`)) as tf.Tensor3D
    const base = network.residual === 'before-step' ? x : withStep
    x = tf.div(tf.add(base, half(output, 0)), Math.SQRT2)
    const skip = half(output, 1)
    probe?.(`layer${layer}.residual`, x)
    probe?.(`layer${layer}.skip`, skip)
    skips = skips === undefined ? skip : tf.add(skips, skip)
  }
  const mixed = tf.div(skips!, Math.sqrt(layers))
  const hidden = tf.relu(project(mixed, ...both('skip_projection')))
  return ends.decode(project(hidden, ...both('output_projection')) as tf.Tensor3D)
}
