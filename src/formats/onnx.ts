/**
 * Builds ONNX models: a graph of nodes, constants, inputs and outputs. Field numbers are those of onnx.proto3
 * (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, ValueInfoProto); operators are those of opset 17.
 */
import type { Tensor } from '../core/tensor.js'
import { float32Bytes, writeNumbers } from './numbers.js'
import { ProtobufMessage } from './protobuf.js'

const OPSET = 17
/** The version of the format that came with opset 17. */
const IR_VERSION = 8

/** Element types of TensorProto. */
const elementTypes = { float: 1, int64: 7, bool: 9, float16: 10, double: 11 } as const
export type OnnxType = 'float' | 'double' | 'int64' | 'bool'

/** Types of AttributeProto. */
const [FLOAT, INT, STRING, GRAPH, INTS] = [1, 2, 3, 5, 7]

/** Name of a value in a graph: an input, a constant or a node's output. */
export type OnnxValue = string & { readonly __onnx: unique symbol }

/**
 * An attribute of a node. Whole numbers are integers, other numbers floats; write a float that is whole as `{ float }`.
 */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number }

export interface OnnxGraphOptions {
  /** Name of the graph. */
  readonly name: string
  /** Whether to store the weights as float16, and to cast them to float32 when the model is loaded. Default: false. */
  readonly halfWeights?: boolean
}

/** A graph under construction. Nodes are in the order in which they are made, which ONNX requires to be topological. */
export class OnnxGraph {
  readonly #options: OnnxGraphOptions
  /** The nodes of the loop that is being written, else those of the whole graph. */
  #nodes: ProtobufMessage[] = []
  /** Casts of weights: outside of any loop, so that they are made once. */
  readonly #casts: ProtobufMessage[] = []
  readonly #constants = new Map<string, ProtobufMessage>()
  readonly #inputs: ProtobufMessage[] = []
  readonly #outputs: ProtobufMessage[] = []
  /** Weights that have been cast, by name. */
  readonly #weights = new Map<string, OnnxValue>()
  #count = 0

  constructor(options: OnnxGraphOptions) {
    this.#options = options
  }

  /** An input of the model. @param shape a text names a size that is known at run time */
  input(name: string, shape: readonly (number | string)[], type: OnnxType = 'float'): OnnxValue {
    this.#inputs.push(valueInfo(name, shape, type))
    return name as OnnxValue
  }

  /** Makes a value an output of the model. */
  output(value: OnnxValue, name: string, shape: readonly (number | string)[]): void {
    this.#nodes.push(nodeMessage('Identity', [value], [name], {}))
    this.#outputs.push(valueInfo(name, shape, 'float'))
  }

  /** A parameter of the network, under its name. If it is requested twice, it is still stored once. */
  weight(name: string, { shape, data }: Tensor): OnnxValue {
    const known = this.#weights.get(name)
    if (known !== undefined) return known
    const half = this.#options.halfWeights === true
    const bytes = half ? writeNumbers(data, 'F16', name) : float32Bytes(data)
    this.#constants.set(name, tensorMessage(name, shape, half ? 'float16' : 'float', bytes))
    const value = (half ? `${name} as float` : name) as OnnxValue
    if (half) this.#casts.push(nodeMessage('Cast', [name], [value], { to: elementTypes.float }))
    this.#weights.set(name, value)
    return value
  }

  /** A constant that is not a parameter: always float32. Equal names mean equal constants. */
  floats(name: string, shape: readonly number[], data: ArrayLike<number>): OnnxValue {
    return this.#constant(name, () => tensorMessage(name, shape, 'float', float32Bytes(Float32Array.from(data))))
  }

  /** A constant in float64. Equal names mean equal constants. */
  doubles(name: string, shape: readonly number[], data: ArrayLike<number>): OnnxValue {
    return this.#constant(name, () =>
      tensorMessage(name, shape, 'double', new Uint8Array(Float64Array.from(data).buffer)),
    )
  }

  /** A float64 number. */
  double(value: number): OnnxValue {
    return this.doubles(`double ${value}`, [], [value])
  }

  /** Whole numbers in a shape. Equal names mean equal constants. */
  table(name: string, shape: readonly number[], values: readonly number[]): OnnxValue {
    return this.#constant(name, () => int64Message(name, shape, values))
  }

  /**
   * A slice from one index to another along an axis. Indices below 0 count from the end.
   *
   * @param to default: the end
   * @param step −1 goes backwards. Default 1
   */
  slice(value: OnnxValue, axis: number, from: number, to = Number.MAX_SAFE_INTEGER, step?: number): OnnxValue {
    const sizes = step === undefined ? [from, to, axis] : [from, to, axis, step]
    return this.node('Slice', [value, ...sizes.map(size => this.integers(size))])
  }

  /** Casts a value to another type. */
  cast(value: OnnxValue, type: OnnxType): OnnxValue {
    return this.node('Cast', [value], { to: elementTypes[type] })
  }

  scalar(value: number): OnnxValue {
    return this.floats(`scalar ${Math.fround(value)}`, [], [value])
  }

  /** Integers, `[count]`. */
  integers(...values: number[]): OnnxValue {
    const name = `integers ${values.join(' ')}`
    return this.#constant(name, () => int64Message(name, [values.length], values))
  }

  integer(value: number): OnnxValue {
    const name = `integer ${value}`
    return this.#constant(name, () => int64Message(name, [], [value]))
  }

  /** A node with one output. */
  node(operator: string, inputs: readonly OnnxValue[], attributes: Readonly<Record<string, OnnxAttribute>> = {}) {
    return this.nodes(operator, inputs, attributes, 1)[0]!
  }

  /** A node with several outputs. */
  nodes(
    operator: string,
    inputs: readonly OnnxValue[],
    attributes: Readonly<Record<string, OnnxAttribute>>,
    outputs: number,
  ): readonly OnnxValue[] {
    const names = Array.from({ length: outputs }, () => `v${this.#count++}`)
    this.#nodes.push(nodeMessage(operator, inputs, names, attributes))
    return names as unknown as readonly OnnxValue[]
  }

  /**
   * A loop.
   *
   * @param rounds a number, or an int64 scalar
   * @param states values before the first round
   * @param round writes one round: from its index and the states before it to as many states after it. Values that it
   * returns beyond them are collected: one of each round, along a new first axis
   * @param types of what a round returns; default: all float
   * @returns the states after the last round, then what was collected
   */
  loop(
    rounds: number | OnnxValue,
    states: readonly OnnxValue[],
    round: (index: OnnxValue, states: readonly OnnxValue[]) => readonly OnnxValue[],
    types: readonly OnnxType[] = [],
  ): readonly OnnxValue[] {
    const outer = this.#nodes
    this.#nodes = []
    const fresh = () => `v${this.#count++}` as OnnxValue
    const [index, condition, goesOn] = [fresh(), fresh(), fresh()]
    const before = states.map(fresh)
    const after = round(index, before)
    const body = new ProtobufMessage()
    for (const node of this.#nodes) body.message(1, node)
    body.message(1, nodeMessage('Identity', [condition], [goesOn], {})).text(2, 'round')
    const infos = (values: readonly OnnxValue[]) =>
      values.map((value, i) => valueInfo(value, null, types[i] ?? 'float'))
    const inputs = [valueInfo(index, [], 'int64'), valueInfo(condition, [], 'bool'), ...infos(before)]
    for (const info of inputs) body.message(11, info)
    for (const info of [valueInfo(goesOn, [], 'bool'), ...infos(after)]) body.message(12, info)
    this.#nodes = outer
    const names = after.map(fresh)
    const count = typeof rounds === 'number' ? this.integer(rounds) : rounds
    const node = nodeMessage('Loop', [count, '', ...states], names, {})
    node.message(5, new ProtobufMessage().text(1, 'body').message(6, body).integer(20, GRAPH))
    this.#nodes.push(node)
    return names
  }

  /** The model. @param metadata text by name, which runtimes show */
  bytes(metadata: ReadonlyMap<string, string> = new Map()): Uint8Array {
    const graph = new ProtobufMessage()
    for (const node of [...this.#casts, ...this.#nodes]) graph.message(1, node)
    graph.text(2, this.#options.name)
    for (const constant of this.#constants.values()) graph.message(5, constant)
    for (const info of this.#inputs) graph.message(11, info)
    for (const info of this.#outputs) graph.message(12, info)
    const model = new ProtobufMessage()
      .integer(1, IR_VERSION)
      .text(2, 'diffwave')
      .message(7, graph)
      .message(8, new ProtobufMessage().text(1, '').integer(2, OPSET))
    for (const [key, value] of metadata) model.message(14, new ProtobufMessage().text(1, key).text(2, value))
    return model.bytes()
  }

  #constant(name: string, make: () => ProtobufMessage): OnnxValue {
    if (!this.#constants.has(name)) this.#constants.set(name, make())
    return name as OnnxValue
  }
}

function nodeMessage(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute>>,
): ProtobufMessage {
  const node = new ProtobufMessage()
  for (const input of inputs) node.text(1, input)
  for (const output of outputs) node.text(2, output)
  node.text(4, operator)
  for (const [name, value] of Object.entries(attributes)) node.message(5, attributeMessage(name, value))
  return node
}

function attributeMessage(name: string, value: OnnxAttribute): ProtobufMessage {
  const attribute = new ProtobufMessage().text(1, name)
  if (typeof value === 'string') return attribute.text(4, value).integer(20, STRING)
  if (typeof value === 'number') {
    return Number.isInteger(value) ? attribute.integer(3, value).integer(20, INT) : floatAttribute(attribute, value)
  }
  if ('float' in value) return floatAttribute(attribute, value.float)
  for (const item of value) attribute.integer(8, item)
  return attribute.integer(20, INTS)
}

function floatAttribute(attribute: ProtobufMessage, value: number): ProtobufMessage {
  return attribute.float(2, value).integer(20, FLOAT)
}

function tensorMessage(
  name: string,
  shape: readonly number[],
  type: keyof typeof elementTypes,
  bytes: Uint8Array,
): ProtobufMessage {
  const tensor = new ProtobufMessage()
  for (const size of shape) tensor.integer(1, size)
  return tensor.integer(2, elementTypes[type]).text(8, name).raw(9, bytes)
}

function int64Message(name: string, shape: readonly number[], values: readonly number[]): ProtobufMessage {
  const data = BigInt64Array.from(values, BigInt)
  return tensorMessage(name, shape, 'int64', new Uint8Array(data.buffer))
}

/** @param shape null: unknown */
function valueInfo(name: string, shape: readonly (number | string)[] | null, type: OnnxType): ProtobufMessage {
  const tensor = new ProtobufMessage().integer(1, elementTypes[type])
  if (shape !== null) tensor.message(2, shapeMessage(shape))
  return new ProtobufMessage().text(1, name).message(2, new ProtobufMessage().message(1, tensor))
}

function shapeMessage(shape: readonly (number | string)[]): ProtobufMessage {
  const dimensions = new ProtobufMessage()
  for (const size of shape) {
    const dimension = new ProtobufMessage()
    if (typeof size === 'string') dimension.text(2, size)
    else dimension.integer(1, size)
    dimensions.message(1, dimension)
  }
  return dimensions
}
