/** Networks with a windowed front end agree with the numbers of interop/pytorch in test/golden/pytorch-windows. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Mel } from '#src/audio/mel/convention'
import { MelFeed, readWhole } from '#src/audio/mel/feed'
import { sliceMel } from '#src/audio/mel/frames'
import { concatenateAudio } from '#src/core/concatenate'
import type { Tensor } from '#src/core/tensor'
import { domainOf } from '#src/data-domain/domain-of'
import { reverseProcess } from '#src/diffusion/reverse'
import { createSampler } from '#src/diffusion/samplers/create'
import { createEngine } from '#src/engines/select'
import { decodeSafetensors } from '#src/formats/safetensors'
import { envelopeOf } from '#src/model/front-end/envelope'
import { networkSchema } from '#src/model/network'
import { readModel } from '#src/model/read-model'
import { relativeError } from '../support/numbers.js'
import { golden } from '../support/paths.js'
import { type CreateEngine, predictsAsRecorded } from './conformance.js'
import { createInSameThread } from './tensorflow/same-thread.js'

const folder = golden('pytorch-windows')
const { config, parameters } = await readModel(folder)
const recorded = decodeSafetensors(readFileSync(`${folder}/golden.safetensors`), folder).tensors
const of = (name: string): Tensor => recorded.get(name)!

function rows({ data, shape }: Tensor): Float32Array[] {
  const width = data.length / shape[0]!
  return Array.from({ length: shape[0]! }, (_, i) => data.slice(i * width, (i + 1) * width))
}
const mels: readonly Mel[] = rows(of('mel')).map(data => ({ data, bands: 80, frames: data.length / 80 }))
const samples = of('clean').shape[1]!
const engines: Readonly<Record<string, CreateEngine>> = {
  auto: (network, weights, convention = null) => createEngine(network, weights, {}, convention),
  'tensorflow:wasm': (network, parameters, convention = null) =>
    createInSameThread({ network, parameters, convention, backend: 'wasm' }),
}

/** `[rows × columns]` → `[columns × rows]`. */
const transposed = (data: Float32Array, columns: number) =>
  data.map((_, i) => {
    const count = data.length / columns
    return data[(i % count) * columns + Math.floor(i / count)]!
  })

test('a checkpoint in PyTorch’s legacy format gives the recorded outputs', () =>
  predictsAsRecorded('philsyn-c8-l4-legacy', engines['auto']!, 1e-4))

describe('a network with an envelope', () => {
  test('the envelope equals PyTorch’s', () => {
    const envelope = envelopeOf(config.network, config.mel)!
    for (const [i, expected] of rows(of('deviations')).entries()) {
      const positions = samples / envelope.stride
      const actual = envelope.deviations(mels[i]!, positions)
      assert.ok(relativeError(actual, transposed(expected, positions)) < 1e-5)
    }
  })

  test('the noise of the prior equals PyTorch’s', () => {
    const domain = domainOf(config)
    for (const [i, white] of rows(of('white')).entries()) {
      const shape = domain.noise(readWhole(mels[i]!), { length: samples })
      const noise = shape((start, count) => white.subarray(start, start + count), 0, samples)
      assert.ok(relativeError(noise, rows(of('noise'))[i]!) < 1e-5)
    }
  })

  for (const [engine, create] of Object.entries(engines)) {
    test(`the output equals PyTorch’s: ${engine}`, async () => {
      const running = await create(config.network, parameters, config.mel)
      try {
        const actual = await running.predict({ audio: rows(of('noisy')), steps: of('steps').data, mel: mels })
        rows(of('predicted')).forEach((expected, i) => {
          assert.ok(relativeError(actual[i]!, expected) < 1e-4, `${relativeError(actual[i]!, expected)}`)
        })
      } finally {
        await running.dispose()
      }
    })
  }
})

describe('four DDIM steps agree with PyTorch', () => {
  const { frontEnd } = config.network
  const corrected = {
    ...config.network,
    frontEnd: { ...frontEnd!, correction: { passes: 1, iterations: 5, relaxation: 1 } },
  }
  const frames = samples / config.mel!.hop

  const even = { ...config.diffusion, sampling: {}, noiseScale: 0.2 }
  for (const [name, network, diffusion] of [
    ['sample', config.network, config.diffusion],
    ['corrected', corrected, config.diffusion],
    ['even', config.network, even],
  ] as const) {
    test(`recorded as ${name}`, async () => {
      const engine = await createEngine(network, parameters, {}, config.mel)
      try {
        for (const [i, white] of rows(of('white')).entries()) {
          const mel = new MelFeed(sliceMel(mels[i]!, 0, frames), config.mel!)
          const shape = domainOf(config).noise(mel)
          const pieces: Float32Array[] = []
          for await (const piece of reverseProcess({
            openStream: steps => engine.openStream({ steps }),
            sampler: createSampler(diffusion, { steps: 4, sampler: 'ddim' }),
            prediction: config.diffusion.prediction,
            openNoise: () => (_, start, count) => shape((from, n) => white.subarray(from, from + n), start, count),
            input: { mel, context: 4 },
            chunk: 512,
          })) {
            pieces.push(piece)
          }
          const error = relativeError(concatenateAudio(pieces), rows(of(name))[i]!)
          assert.ok(error < 1e-3, `clip ${i}: ${error}`)
        }
      } finally {
        await engine.dispose()
      }
    })
  }
})

describe('a network with learned windows', () => {
  const { tensors, metadata } = decodeSafetensors(readFileSync(`${folder}/learned.safetensors`), folder)
  const network = networkSchema.parse(JSON.parse(metadata.get('network')!))
  const part = (prefix: string) =>
    new Map([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, t]) => [name.slice(prefix.length), t]))

  for (const [engine, create] of Object.entries(engines)) {
    test(`outputs, loss and gradients equal PyTorch’s: ${engine}`, async () => {
      const running = await create(network, part('weights.'))
      try {
        const request = {
          audio: rows(tensors.get('audio')!),
          target: rows(tensors.get('target')!),
          steps: tensors.get('steps')!.data,
          // Row 2 of PyTorch's table: no label.
          labels: [1, null],
        }
        const outputs = await running.predict(request)
        rows(tensors.get('output')!).forEach((expected, i) => {
          assert.ok(relativeError(outputs[i]!, expected) < 1e-4)
        })
        const { loss, gradients } = await running.lossGradients({ ...request, loss: 'l2' })
        assert.ok(Math.abs(loss / tensors.get('loss')!.data[0]! - 1) < 1e-4)
        const expected = part('gradient.')
        assert.deepEqual([...gradients.keys()].sort(), [...expected.keys()].sort())
        for (const [name, gradient] of gradients) {
          assert.ok(relativeError(gradient, expected.get(name)!.data) < 1e-3, name)
        }
      } finally {
        await running.dispose()
      }
    })
  }
})
