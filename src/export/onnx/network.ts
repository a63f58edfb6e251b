/**
 * Writes the denoiser into a graph: DiffWave (Kong et al. 2021, figure 1 and section 3) with the variants of
 * src/model/network.ts.
 *
 * Shapes: B clips, T samples, S samples per position, N = T/S positions, C channels, F mel frames, T = F × hop.
 */
import type { Tensors } from '../../core/tensor.js'
import type { OnnxAttribute, OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import { dilation, LEAKY_SLOPE, type NetworkConfig, positionSamples, upsamplerShape } from '../../model/network.js'
import type { FrontEndGraph } from './front-end.js'
import { frameSlope, interpolated } from './interpolation.js'

/** The inputs of one call of the network. */
export interface NetworkCall {
  /** The noisy audio, `[B, T]`. */
  readonly audio: OnnxValue
  /** Sinusoids of the diffusion step, `[B, size]` or `[1, size]`. */
  readonly sinusoids: OnnxValue
  /** g(t), `[B, 1, 1]` or a scalar; null without an input mask. */
  readonly gain: OnnxValue | null
  /** Label indices `[B]`; null without labels. */
  readonly label: OnnxValue | null
}

/** Writes calls of one network. Values that depend only on the mel are computed once for all calls. */
export class NetworkGraph {
  readonly #graph: OnnxGraph
  readonly #network: NetworkConfig
  readonly #parameters: Tensors
  readonly #frontEnd: FrontEndGraph | null
  readonly #conditioner: ((layer: number) => OnnxValue) | null

  /**
   * @param mel `[B, bands, F]`; null for a network without a mel
   * @param frontEnd front end of the network; null for a network with patches
   */
  constructor(
    graph: OnnxGraph,
    network: NetworkConfig,
    parameters: Tensors,
    mel: OnnxValue | null,
    frontEnd: FrontEndGraph | null,
  ) {
    this.#graph = graph
    this.#network = network
    this.#parameters = parameters
    this.#frontEnd = frontEnd
    this.#conditioner = mel === null ? null : this.#conditioning(mel)
  }

  /** Writes one call. @returns the network's output, `[B, T]` */
  call({ audio, sinusoids, gain, label }: NetworkCall): OnnxValue {
    const { patch } = this.#network
    const graph = this.#graph
    if (this.#frontEnd !== null) {
      const coefficients = this.#frontEnd.encode(audio)
      const stacked = this.#stack(this.#frontEnd.input(coefficients), this.#embedding(sinusoids, label))
      return this.#frontEnd.output(stacked, coefficients, gain)
    }
    // Sample p·S + j is channel j of position p.
    const folded = graph.node('Transpose', [graph.node('Reshape', [audio, graph.integers(0, -1, patch)])], {
      perm: [0, 2, 1],
    })
    const stacked = this.#stack(folded, this.#embedding(sinusoids, label))
    let output = stacked
    if (gain !== null) {
      const [made, logits] = graph.nodes('Split', [stacked], { axis: 1 }, 2)
      const passed = graph.node('Mul', [graph.node('Sigmoid', [logits!]), folded])
      output = graph.node('Add', [graph.node('Mul', [made!, gain]), passed])
    }
    return graph.node('Reshape', [graph.node('Transpose', [output], { perm: [0, 2, 1] }), graph.integers(0, -1)])
  }

  #weight(name: string): OnnxValue {
    return this.#graph.weight(name, this.#parameters.get(name)!)
  }

  #convolution(x: OnnxValue, name: string, attributes: Readonly<Record<string, OnnxAttribute>> = {}): OnnxValue {
    return this.#graph.node('Conv', [x, this.#weight(`${name}.weight`), this.#weight(`${name}.bias`)], attributes)
  }

  #linear(x: OnnxValue, name: string): OnnxValue {
    return this.#graph.node('Gemm', [x, this.#weight(`${name}.weight`), this.#weight(`${name}.bias`)], { transB: 1 })
  }

  /** The step embedding, `[B or 1, hidden]`. */
  #embedding(sinusoids: OnnxValue, label: OnnxValue | null): OnnxValue {
    const graph = this.#graph
    const silu = (x: OnnxValue) => graph.node('Mul', [x, graph.node('Sigmoid', [x])])
    const first = silu(this.#linear(sinusoids, 'diffusion_embedding.projection1'))
    const second = silu(this.#linear(first, 'diffusion_embedding.projection2'))
    if (label === null) return second
    const row = graph.node('Gather', [this.#weight('label_embedding.weight'), label])
    return graph.node('Add', [second, row])
  }

  /** Writes the residual stack, `[B, inputs, N]` → `[B, outputs, N]`. */
  #stack(input: OnnxValue, embedding: OnnxValue): OnnxValue {
    const graph = this.#graph
    const { channels, layers, gate, residual } = this.#network
    let x = graph.node('Relu', [this.#convolution(input, 'input_projection')])
    let skips: OnnxValue | null = null
    for (let layer = 0; layer < layers; layer++) {
      const name = `residual_layers.${layer}`
      const step = this.#linear(embedding, `${name}.diffusion_projection`)
      const shifted = graph.node('Add', [x, graph.node('Reshape', [step, graph.integers(-1, channels, 1)])])
      const distance = dilation(this.#network, layer)
      const spread = { dilations: [distance], pads: [distance, distance] }
      let sums = this.#convolution(shifted, `${name}.dilated_conv`, spread)
      if (this.#conditioner !== null) sums = graph.node('Add', [sums, this.#conditioner(layer)])
      const [first, second] = graph.nodes('Split', [sums], { axis: 1 }, 2)
      const [sigmoid, tanh] = gate === 'sigmoid-tanh' ? [first!, second!] : [second!, first!]
      const gated = graph.node('Mul', [graph.node('Sigmoid', [sigmoid]), graph.node('Tanh', [tanh])])
      const [kept, skip] = graph.nodes('Split', [this.#convolution(gated, `${name}.output_projection`)], { axis: 1 }, 2)
      const sum = graph.node('Add', [residual === 'before-step' ? x : shifted, kept!])
      x = graph.node('Mul', [sum, graph.scalar(Math.SQRT1_2)])
      skips = skips === null ? skip! : graph.node('Add', [skips, skip!])
    }
    const mean = graph.node('Mul', [skips!, graph.scalar(1 / Math.sqrt(layers))])
    const hidden = graph.node('Relu', [this.#convolution(mean, 'skip_projection')])
    return this.#convolution(hidden, 'output_projection')
  }

  /** Computes each layer's share of the mel, `[B, 2C, N]`. */
  #conditioning(mel: OnnxValue): (layer: number) => OnnxValue {
    const config = this.#network.mel!
    const projection = (x: OnnxValue, layer: number) =>
      this.#convolution(x, `residual_layers.${layer}.conditioner_projection`)
    if (config.kind === 'frame-rate') {
      let frames = mel
      config.encoder.forEach((_, i) => {
        frames = this.#leaky(this.#convolution(frames, `spectrogram_encoder.${i}`, { pads: [1, 1] }))
      })
      // The mel is projected once and interpolated in each call. All layers at the rate of positions would fill the
      // memory.
      const slopes = Array.from({ length: this.#network.layers }, (_, layer) =>
        frameSlope(this.#graph, projection(frames, layer)),
      )
      const count = config.hop / positionSamples(this.#network)
      return layer => interpolated(this.#graph, slopes[layer]!, count)
    }
    const upsampled = (prefix: string) => this.#upsampled(mel, config.strides, prefix)
    const shared = config.sharing === 'shared' ? upsampled('spectrogram_upsampler') : null
    const projected = Array.from({ length: this.#network.layers }, (_, layer) =>
      projection(shared ?? upsampled(`residual_layers.${layer}.spectrogram_upsampler`), layer),
    )
    return layer => projected[layer]!
  }

  /**
   * Upsamples `[B, bands, F]` to `[B, bands, N]` by transposed 2-D convolutions 1 → 1, and takes each position's first
   * sample.
   */
  #upsampled(mel: OnnxValue, strides: readonly number[], prefix: string): OnnxValue {
    const graph = this.#graph
    let x = graph.node('Unsqueeze', [mel, graph.integers(1)])
    strides.forEach((stride, i) => {
      const name = `${prefix}.conv${i + 1}`
      const { padding } = upsamplerShape(stride)
      const inputs = [x, this.#weight(`${name}.weight`), this.#weight(`${name}.bias`)]
      const attributes = { strides: [1, stride], pads: [1, padding, 1, padding] }
      x = this.#leaky(graph.node('ConvTranspose', inputs, attributes))
    })
    const whole = graph.node('Squeeze', [x, graph.integers(1)])
    const unit = positionSamples(this.#network)
    if (unit === 1) return whole
    return graph.slice(whole, 2, 0, undefined, unit)
  }

  #leaky(x: OnnxValue): OnnxValue {
    return this.#graph.node('LeakyRelu', [x], { alpha: { float: LEAKY_SLOPE } })
  }
}
