/**
 * Other vocoders as ONNX graphs with random weights, which do not affect the speed. They convert mels to waveforms at
 * 22,050 Hz with a hop of 256. HiFi-GAN V1 and V3 follow Kong et al. 2020 (appendix A.1). Vocos follows Siuzdak 2023,
 * with ConvNeXt blocks and the inverse Fourier transform, which is a transposed convolution here.
 */
import { gaussian } from '../../dist/core/random.js'
import { OnnxGraph } from '../../dist/formats/onnx.js'
import { timed } from '../support/interleave.mjs'

const BANDS = 80

/** Writes layers with random weights. */
class Layers {
  constructor(name) {
    this.graph = new OnnxGraph({ name })
    this.count = 0
  }

  random(shape, scale) {
    const size = shape.reduce((product, n) => product * n, 1)
    const data = gaussian(1, this.count, 0, size).map(value => value * scale)
    return this.graph.weight(`w${this.count++}`, { shape, data })
  }

  /** 'same' convolution [columns, channels / groups, kernel]. */
  convolve(x, channels, columns, kernel, { dilation = 1, groups = 1 } = {}) {
    const fan = (channels / groups) * kernel
    const pad = ((kernel - 1) * dilation) / 2
    const weight = this.random([columns, channels / groups, kernel], 1 / Math.sqrt(fan))
    const attributes = { kernel_shape: [kernel], dilations: [dilation], pads: [pad, pad], group: groups }
    return this.graph.node('Conv', [x, weight, this.random([columns], 0.01)], attributes)
  }

  upsample(x, channels, columns, kernel, stride) {
    const weight = this.random([channels, columns, kernel], 1 / Math.sqrt((channels * kernel) / stride))
    const pad = (kernel - stride) / 2
    const attributes = { kernel_shape: [kernel], strides: [stride], pads: [pad, pad] }
    return this.graph.node('ConvTranspose', [x, weight, this.random([columns], 0.01)], attributes)
  }

  leaky(x) {
    return this.graph.node('LeakyRelu', [x], { alpha: { float: 0.1 } })
  }

  add(a, b) {
    return this.graph.node('Add', [a, b])
  }
}

const hifigans = {
  'HiFi-GAN V1': {
    channels: 512,
    rates: [8, 8, 2, 2],
    kernels: [16, 16, 4, 4],
    blocks: [3, 7, 11].map(kernel => ({ kernel, dilations: [1, 3, 5].map(first => [first, 1]) })),
  },
  'HiFi-GAN V3': {
    channels: 256,
    rates: [8, 8, 4],
    kernels: [16, 16, 8],
    blocks: [
      { kernel: 3, dilations: [[1], [2]] },
      { kernel: 5, dilations: [[2], [6]] },
      { kernel: 7, dilations: [[3], [12]] },
    ],
  },
}

function hifigan(name) {
  const { channels, rates, kernels, blocks } = hifigans[name]
  const layers = new Layers(name)
  const { graph } = layers
  let x = layers.convolve(graph.input('mel', [1, BANDS, 'frames']), BANDS, channels, 7)
  let width = channels
  rates.forEach((rate, i) => {
    x = layers.upsample(layers.leaky(x), width, width / 2, kernels[i], rate)
    width /= 2
    const sums = blocks.map(({ kernel, dilations }) => {
      let y = x
      for (const chain of dilations) {
        let z = y
        for (const dilation of chain) z = layers.convolve(layers.leaky(z), width, width, kernel, { dilation })
        y = layers.add(y, z)
      }
      return y
    })
    x = graph.node('Div', [sums.reduce((a, b) => layers.add(a, b)), graph.scalar(blocks.length)])
  })
  graph.output(graph.node('Tanh', [layers.convolve(layers.leaky(x), width, 1, 7)]), 'audio', [1, 1, 'samples'])
  return graph
}

function vocos() {
  const [dim, inner, size, hop] = [512, 1536, 1024, 256]
  const layers = new Layers('Vocos')
  const { graph } = layers
  const transposed = x => graph.node('Transpose', [x], { perm: [0, 2, 1] })
  const normalised = x => {
    const [scale, bias] = [layers.random([dim], 1), layers.random([dim], 0.1)]
    return graph.node('LayerNormalization', [x, scale, bias], { axis: -1, epsilon: { float: 1e-6 } })
  }
  const linear = (x, rows, columns) => {
    const product = graph.node('MatMul', [x, layers.random([rows, columns], 1 / Math.sqrt(rows))])
    return layers.add(product, layers.random([columns], 0.01))
  }
  const gelu = x => {
    const half = graph.node('Mul', [x, graph.scalar(0.5)])
    const erf = graph.node('Erf', [graph.node('Mul', [x, graph.scalar(Math.SQRT1_2)])])
    return graph.node('Mul', [half, layers.add(erf, graph.scalar(1))])
  }
  let x = layers.convolve(graph.input('mel', [1, BANDS, 'frames']), BANDS, dim, 7)
  x = transposed(normalised(transposed(x)))
  for (let i = 0; i < 8; i++) {
    const y = transposed(layers.convolve(x, dim, dim, 7, { groups: dim }))
    const z = linear(gelu(linear(normalised(y), dim, inner)), inner, dim)
    x = layers.add(x, transposed(graph.node('Mul', [z, layers.random([dim], 0.1)])))
  }
  const head = transposed(linear(normalised(transposed(x)), dim, size + 2))
  const [logarithm, phase] = graph.nodes('Split', [head], { axis: 1 }, 2)
  const magnitude = graph.node('Min', [graph.node('Exp', [logarithm]), graph.scalar(100)])
  const parts = ['Cos', 'Sin'].map(part => graph.node('Mul', [magnitude, graph.node(part, [phase])]))
  const basis = layers.random([size + 2, 1, size], 1 / size)
  const pad = (size - hop) / 2
  const spectrum = graph.node('Concat', parts, { axis: 1 })
  const attributes = { kernel_shape: [size], strides: [hop], pads: [pad, pad] }
  graph.output(graph.node('ConvTranspose', [spectrum, basis], attributes), 'audio', [1, 1, 'samples'])
  return graph
}

/** Graphs by name. */
export const otherVocoders = {
  'HiFi-GAN V1': () => hifigan('HiFi-GAN V1'),
  'HiFi-GAN V3': () => hifigan('HiFi-GAN V3'),
  Vocos: vocos,
}

/** Opens a vocoder in ONNX Runtime. `vocode(mel)` returns seconds. */
export async function openOtherVocoder(ort, name, threads) {
  const settings = { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' }
  const session = await ort.InferenceSession.create(otherVocoders[name]().bytes(), settings)
  const own = {
    vocode: mel =>
      timed(async () => {
        const input = new ort.Tensor('float32', mel.data, [1, mel.bands, mel.frames])
        own.samples = (await session.run({ mel: input })).audio.data.length
      }),
    dispose: () => session.release(),
  }
  return own
}
