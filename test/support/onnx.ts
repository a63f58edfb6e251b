/** ONNX files in tests: reads their fields, and runs them in ONNX Runtime (WebAssembly). */
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { env, InferenceSession, Tensor } from 'onnxruntime-web'
import { gaussian } from '#src/core/random'
import { draws } from '#src/core/random-streams'
import { drawOfPass } from '#src/diffusion/noise'
import { createSampler } from '#src/diffusion/samplers/create'
import type { ModelConfig } from '#src/model/config'

// Threads would be workers, which keep a test process alive.
env.wasm.numThreads = 1
env.logLevel = 'error'

/** A protobuf message's fields: number, and an integer or bytes. */
export function fields(bytes: Uint8Array): { readonly number: number; readonly value: bigint | Uint8Array }[] {
  const found: { number: number; value: bigint | Uint8Array }[] = []
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

/** Returns the messages or bytes of a field. */
export function messages(bytes: Uint8Array, number: number): Uint8Array[] {
  return fields(bytes)
    .filter(field => field.number === number)
    .map(field => field.value as Uint8Array)
}

/** Returns the texts of a field. */
export function texts(bytes: Uint8Array, number: number): string[] {
  return messages(bytes, number).map(text => Buffer.from(text).toString())
}

/** An input of a session: float32, or int64 for BigInts. */
export interface OnnxInput {
  readonly shape: readonly number[]
  readonly data: Float32Array | BigInt64Array
}

/** The input `noise` of an export that makes a clip of a seed. @param choice of sampler and steps, as in the export */
export function noiseOf(config: ModelConfig, seed: number, samples: number, choice = {}): OnnxInput {
  const sampler = createSampler(config.diffusion, choice)
  const ofSteps = sampler.steps.map((_, pass) => drawOfPass(sampler, pass)).filter(draw => draw !== null)
  const ofHighBand = config.diffusion.highBand === null ? [] : [draws.highBand]
  const rows = [0, ...ofSteps, ...ofHighBand].map(draw => gaussian(seed, draw, 0, samples))
  return { shape: [1, rows.length, samples], data: Float32Array.from(rows.flatMap(row => [...row])) }
}

export interface OnnxSession {
  /** The float32 outputs by name. */
  run(inputs: Readonly<Record<string, OnnxInput>>): Promise<Readonly<Record<string, Float32Array>>>
  release(): Promise<void>
}

/** Opens a model in ONNX Runtime. */
export async function openOnnx(bytes: Uint8Array): Promise<OnnxSession> {
  // It runs too briefly to make up for the optimisation of its code, which takes V8 as long as all else.
  setFlagsFromString('--liftoff-only')
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 })
  return {
    async run(inputs) {
      const feeds = Object.entries(inputs).map(([name, { shape, data }]) => {
        const type = data instanceof BigInt64Array ? 'int64' : 'float32'
        return [name, new Tensor(type, data as never, shape)] as const
      })
      const outputs = await session.run(Object.fromEntries(feeds))
      return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]))
    },
    release: () => session.release(),
  }
}
