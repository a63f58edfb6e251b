/** The ONNX files that the bench writes: what they hold, and, where ONNX Runtime is there, what they compute. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gaussian } from '#src/core/random'
import { elementCount } from '#src/core/tensor'
import { networkSchema } from '#src/model/network'
import { parameterSpecs } from '#src/model/parameters'
import { stepSinusoids } from '#src/model/step-embedding'
import { naiveNoise } from '../support/naive-network.js'
import { relativeError } from '../support/numbers.js'
import { inRepository } from '../support/paths.js'

type OnnxWriter = typeof import('../../bench/support/onnx.mjs')
const { onnxNetwork, onnxSplit } = (await import(
  pathToFileURL(inRepository('bench/support/onnx.mjs')).href
)) as OnnxWriter

const network = networkSchema.parse({
  channels: 6,
  layers: 4,
  dilationCycle: 3,
  gate: 'tanh-sigmoid',
  residual: 'after-step',
  mel: { kind: 'transposed', bands: 5, strides: [3, 4] },
})
const parameters = new Map(
  parameterSpecs(network).map(({ name, shape }, i) => [
    name,
    { shape, data: gaussian(1, i, 0, elementCount(shape)).map(value => 0.3 * value) },
  ]),
)
const mel = { data: gaussian(2, 0, 0, 5 * 7), bands: 5, frames: 7 }
const audio = gaussian(2, 1, 0, 7 * 12)
const step = 3.5

/** A protobuf message's fields: number, and an integer or bytes. */
function fields(bytes: Uint8Array): { number: number; value: bigint | Uint8Array }[] {
  const found = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = Number(varint())
    const kind = key & 7
    if (kind === 0) {
      found.push({ number: key >> 3, value: varint() })
      continue
    }
    assert.ok(kind === 2 || kind === 5, `wire type ${kind}`)
    const length = kind === 5 ? 4 : Number(varint())
    assert.ok(at + length <= bytes.length, 'a field passes its message')
    found.push({ number: key >> 3, value: bytes.subarray(at, at + length) })
    at += length
  }
  return found
}

const messages = (bytes: Uint8Array, number: number) =>
  fields(bytes)
    .filter(field => field.number === number)
    .map(field => field.value as Uint8Array)
const texts = (bytes: Uint8Array, number: number) => messages(bytes, number).map(text => Buffer.from(text).toString())

test('an ONNX file holds every weight as it is, and its nodes take only what comes before them', () => {
  const [graph] = messages(onnxNetwork(network, parameters), 7)
  const constants = messages(graph!, 5)
  const weights = new Map(constants.map(constant => [texts(constant, 8)[0]!, constant]))
  for (const [name, { shape, data }] of parameters) {
    const constant = weights.get(name)
    assert.ok(constant !== undefined, name)
    const dimensions = fields(constant).filter(field => field.number === 1)
    assert.deepEqual(
      dimensions.map(field => Number(field.value)),
      shape,
    )
    assert.deepEqual(new Float32Array(messages(constant, 9)[0]!.slice().buffer), data)
  }
  const known = new Set([...weights.keys(), ...messages(graph!, 11).flatMap(input => texts(input, 1))])
  const operators = new Map<string, number>()
  for (const node of messages(graph!, 1)) {
    for (const input of texts(node, 1)) assert.ok(known.has(input), `${input} is not known yet`)
    for (const output of texts(node, 2)) known.add(output)
    const [operator] = texts(node, 4)
    operators.set(operator!, (operators.get(operator!) ?? 0) + 1)
  }
  assert.ok(known.has('noise'))
  assert.equal(operators.get('Conv'), 3 * network.layers + 3)
  assert.equal(operators.get('ConvTranspose'), 2)
})

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>
}
interface OnnxRuntime {
  InferenceSession: { create(bytes: Uint8Array): Promise<Session> }
  Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown
}

function findOnnxruntime(): OnnxRuntime | null {
  try {
    return createRequire(import.meta.url)('onnxruntime-node') as OnnxRuntime
  } catch {
    return null
  }
}

const ort = findOnnxruntime()
test('ONNX Runtime computes the network from the file, whole and in two', {
  skip: ort === null ? 'onnxruntime-node is not installed (docs/performance.md)' : false,
}, async () => {
  const { InferenceSession, Tensor } = ort!
  const inputs = {
    audio: new Tensor('float32', audio, [1, 1, audio.length]),
    sinusoids: new Tensor('float32', stepSinusoids(network.stepEmbedding, [step]), [1, network.stepEmbedding.size]),
  }
  const melInput = { mel: new Tensor('float32', mel.data, [1, mel.bands, mel.frames]) }
  const expected = naiveNoise(network, parameters, { audio, step, mel })
  const whole = await InferenceSession.create(onnxNetwork(network, parameters))
  const { noise } = await whole.run({ ...inputs, ...melInput })
  assert.ok(relativeError(noise!.data, expected) < 1e-4)
  const files = onnxSplit(network, parameters)
  const projections = await (await InferenceSession.create(files.mel)).run(melInput)
  const split = await (await InferenceSession.create(files.step)).run({ ...inputs, ...projections })
  assert.ok(relativeError(split['noise']!.data, expected) < 1e-4)
})
