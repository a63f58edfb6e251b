/**
 * Writes a network as an ONNX file, so that ONNX Runtime computes what the native engine computes. The format is
 * protobuf. This writes the few messages of onnx.proto3 that a graph of convolutions needs: ModelProto, GraphProto,
 * NodeProto, AttributeProto, TensorProto and ValueInfoProto, with their field numbers. Operators are those of opset 13.
 */

const OPSET = 13
const IR_VERSION = 8
const FLOAT = 1
const INT64 = 7

/** @param {number | bigint} value */
function varint(value) {
  const bytes = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

function concatenated(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** A protobuf field: integers as varints; strings, bytes and messages with their length. */
function field(number, value) {
  if (typeof value === 'number' || typeof value === 'bigint') return concatenated([varint(number << 3), varint(value)])
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  return concatenated([varint((number << 3) | 2), varint(bytes.length), bytes])
}

/** A protobuf field of 32-bit float. */
function float(number, value) {
  return concatenated([varint((number << 3) | 5), new Uint8Array(Float32Array.of(value).buffer)])
}

const message = (...fields) => concatenated(fields.flat())

function attribute(name, value) {
  if (Array.isArray(value))
    return message(
      field(1, name),
      value.map(v => field(8, v)),
      field(20, 7),
    ) // ints
  if (Number.isInteger(value)) return message(field(1, name), field(3, value), field(20, 2)) // i
  return message(field(1, name), float(2, value), field(20, 1)) // f
}

function tensor(name, shape, data) {
  return message(
    shape.map(size => field(1, size)),
    field(2, data instanceof Float32Array ? FLOAT : INT64),
    field(8, name),
    field(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  )
}

/** Name and shape of a float tensor; a string stands for a size known at run time. */
function valueInfo(name, shape) {
  const dimensions = shape.map(size => field(1, typeof size === 'string' ? field(2, size) : field(1, size)))
  return message(field(1, name), field(2, field(1, message(field(1, FLOAT), field(2, message(dimensions))))))
}

/** Collects the nodes and constants of a graph. */
class Graph {
  #nodes = []
  #initializers = []
  #inputs = []
  #outputs = []
  #count = 0
  #constants = new Set()

  input(name, shape) {
    this.#inputs.push(valueInfo(name, shape))
    return name
  }

  output(from, name, shape) {
    this.#nodes.push(message(field(1, from), field(2, name), field(4, 'Identity')))
    this.#outputs.push(valueInfo(name, shape))
  }

  constant(name, shape, data) {
    if (!this.#constants.has(name)) {
      this.#constants.add(name)
      this.#initializers.push(tensor(name, shape, data))
    }
    return name
  }

  integers(...values) {
    return this.constant(`integers ${values}`, [values.length], BigInt64Array.from(values, BigInt))
  }

  scalar(value) {
    return this.constant(`scalar ${value}`, [], Float32Array.of(value))
  }

  /** @returns the names of the node's outputs */
  nodes(operator, inputs, attributes = {}, outputs = 1) {
    const names = Array.from({ length: outputs }, () => `v${this.#count++}`)
    this.#nodes.push(
      message(
        inputs.map(name => field(1, name)),
        names.map(name => field(2, name)),
        field(4, operator),
        Object.entries(attributes).map(([name, value]) => field(5, attribute(name, value))),
      ),
    )
    return names
  }

  node(operator, inputs, attributes) {
    return this.nodes(operator, inputs, attributes)[0]
  }

  bytes() {
    const graph = message(
      this.#nodes.map(node => field(1, node)),
      field(2, 'diffwave'),
      this.#initializers.map(constant => field(5, constant)),
      this.#inputs.map(info => field(11, info)),
      this.#outputs.map(info => field(12, info)),
    )
    return message(
      field(1, IR_VERSION),
      field(2, 'diffwave bench'),
      field(7, graph),
      field(8, message(field(1, ''), field(2, OPSET))),
    )
  }
}

/** Adds the parts of a network to a graph. Supports patch 1, no labels, and a shared transposed conditioner or none. */
class Writer {
  constructor(network, parameters) {
    if (network.patch !== 1 || network.labels !== null || (network.mel !== null && network.mel.sharing !== 'shared')) {
      throw new Error('the ONNX writer supports the published network only')
    }
    this.network = network
    this.parameters = parameters
    this.graph = new Graph()
  }

  weight(name) {
    const { shape, data } = this.parameters.get(name)
    return this.graph.constant(name, shape, data)
  }

  convolution(x, name, attributes = {}) {
    return this.graph.node('Conv', [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)], attributes)
  }

  linear(x, name) {
    return this.graph.node('Gemm', [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)], { transB: 1 })
  }

  /** mel [1, bands, frames] → [1, bands, samples] */
  upsampled(mel) {
    const { graph, network } = this
    let x = graph.node('Reshape', [mel, graph.integers(1, 1, network.mel.bands, -1)])
    network.mel.strides.forEach((stride, i) => {
      const name = `spectrogram_upsampler.conv${i + 1}`
      const padding = stride % 2 === 0 ? stride / 2 : (stride + 1) / 2
      x = graph.node('ConvTranspose', [x, this.weight(`${name}.weight`), this.weight(`${name}.bias`)], {
        strides: [1, stride],
        pads: [1, padding, 1, padding],
      })
      x = graph.node('LeakyRelu', [x], { alpha: 0.4 })
    })
    return graph.node('Reshape', [x, graph.integers(1, network.mel.bands, -1)])
  }

  projected(mel, layer) {
    return this.convolution(mel, `residual_layers.${layer}.conditioner_projection`)
  }

  /** audio [1, 1, samples], sinusoids [1, size], projection(layer) → noise [1, 1, samples] */
  noise(audio, sinusoids, projection) {
    const { graph, network } = this
    const { channels, layers, dilationCycle } = network
    const swish = x => graph.node('Mul', [x, graph.node('Sigmoid', [x])])
    let step = swish(this.linear(sinusoids, 'diffusion_embedding.projection1'))
    step = swish(this.linear(step, 'diffusion_embedding.projection2'))
    let x = graph.node('Relu', [this.convolution(audio, 'input_projection')])
    let skips
    for (let i = 0; i < layers; i++) {
      const layer = `residual_layers.${i}`
      const dilation = 2 ** (i % dilationCycle)
      const own = graph.node('Reshape', [
        this.linear(step, `${layer}.diffusion_projection`),
        graph.integers(1, channels, 1),
      ])
      const y = graph.node('Add', [x, own])
      let sums = this.convolution(y, `${layer}.dilated_conv`, { dilations: [dilation], pads: [dilation, dilation] })
      if (network.mel !== null) sums = graph.node('Add', [sums, projection(i)])
      let [sigmoid, tanh] = graph.nodes('Split', [sums], { axis: 1 }, 2)
      if (network.gate === 'tanh-sigmoid') [sigmoid, tanh] = [tanh, sigmoid]
      const gated = graph.node('Mul', [graph.node('Sigmoid', [sigmoid]), graph.node('Tanh', [tanh])])
      const out = this.convolution(gated, `${layer}.output_projection`)
      const [residual, skip] = graph.nodes('Split', [out], { axis: 1 }, 2)
      const sum = graph.node('Add', [network.residual === 'before-step' ? x : y, residual])
      x = graph.node('Mul', [sum, graph.scalar(Math.SQRT1_2)])
      skips = skips === undefined ? skip : graph.node('Add', [skips, skip])
    }
    const mean = graph.node('Mul', [skips, graph.scalar(1 / Math.sqrt(layers))])
    const hidden = graph.node('Relu', [this.convolution(mean, 'skip_projection')])
    return this.convolution(hidden, 'output_projection')
  }
}

const AUDIO = [1, 1, 'samples']

/** The network as one graph: audio, sinusoids (and mel) → noise. */
export function onnxNetwork(network, parameters) {
  const writer = new Writer(network, parameters)
  const { graph } = writer
  const audio = graph.input('audio', AUDIO)
  const sinusoids = graph.input('sinusoids', [1, network.stepEmbedding.size])
  const mel = network.mel === null ? null : writer.upsampled(graph.input('mel', [1, network.mel.bands, 'frames']))
  graph.output(
    writer.noise(audio, sinusoids, layer => writer.projected(mel, layer)),
    'noise',
    AUDIO,
  )
  return graph.bytes()
}

const projectionName = layer => `projection${layer}`

/** The network as two graphs: mel → the projections of all layers, which do not depend on the step; and the rest. */
export function onnxSplit(network, parameters) {
  const shape = [1, 2 * network.channels, 'samples']
  const mel = new Writer(network, parameters)
  const upsampled = mel.upsampled(mel.graph.input('mel', [1, network.mel.bands, 'frames']))
  for (let layer = 0; layer < network.layers; layer++) {
    mel.graph.output(mel.projected(upsampled, layer), projectionName(layer), shape)
  }
  const step = new Writer(network, parameters)
  const audio = step.graph.input('audio', AUDIO)
  const sinusoids = step.graph.input('sinusoids', [1, network.stepEmbedding.size])
  const projections = Array.from({ length: network.layers }, (_, i) => step.graph.input(projectionName(i), shape))
  step.graph.output(
    step.noise(audio, sinusoids, layer => projections[layer]),
    'noise',
    AUDIO,
  )
  return { mel: mel.graph.bytes(), step: step.graph.bytes() }
}
