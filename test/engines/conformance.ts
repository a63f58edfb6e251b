/** The tests of every engine: agreement with recorded numbers, the same bytes for any chunks, and refusals. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Mel, MelConvention } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'
import type { Tensor, Tensors } from '#src/core/tensor'
import type { Engine, StreamRequest } from '#src/engines/engine'
import { decodeSafetensors } from '#src/formats/safetensors'
import { melHop, type NetworkConfig, networkSchema, positionSamples } from '#src/model/network'
import { readModel } from '#src/model/read-model'
import { Adam } from '#src/training/optimiser/adam'
import { smallStepEmbedding } from '../support/configs.js'
import { smallConvention } from '../support/convention.js'
import { relativeError } from '../support/numbers.js'
import { randomParameters } from '../support/parameters.js'
import { golden } from '../support/paths.js'

export type CreateEngine = (
  network: NetworkConfig,
  parameters: Tensors,
  convention?: MelConvention | null,
) => Promise<Engine>

/** The mel of the networks whose front end has an envelope. */
const convention = smallConvention({ fftSize: 32, hop: 16, bands: 7, maxFrequency: 3000 })

function clips({ data, shape }: Tensor): Float32Array[] {
  const width = data.length / shape[0]!
  return Array.from({ length: shape[0]! }, (_, i) => data.slice(i * width, (i + 1) * width))
}

function mels(tensor: Tensor): Mel[] {
  const [, bands, frames] = tensor.shape as [number, number, number]
  return clips(tensor).map(data => ({ data, bands, frames }))
}

type Variant = readonly [string, Parameters<typeof networkSchema.parse>[0]]
const conditionedInPatches: Variant = [
  'patches of 4, frame-rate conditioner with an encoder',
  {
    channels: 6,
    layers: 3,
    dilationCycle: 3,
    patch: 4,
    stepEmbedding: { frequencies: 'inverse', fractional: 'direct', size: 16, hidden: 12 },
    mel: { kind: 'frame-rate', bands: 7, hop: 12, encoder: [5] },
  },
]
const variants: readonly Variant[] = [
  ['labels', { stepEmbedding: smallStepEmbedding, channels: 4, layers: 2, dilationCycle: 2, labels: ['a', 'b'] }],
  conditionedInPatches,
  [
    'odd strides, an upsampler a layer, tanh first, after the step',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 3,
      layers: 2,
      dilationCycle: 2,
      gate: 'tanh-sigmoid',
      residual: 'after-step',
      mel: { kind: 'transposed', bands: 4, strides: [5, 3], sharing: 'per-layer' },
    },
  ],
  [
    'a mask of the input, patches of 8',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 5,
      layers: 3,
      dilationCycle: 2,
      patch: 8,
      inputMask: { steps: 40 },
    },
  ],
]

const frameRate = { kind: 'frame-rate', bands: 7, hop: 16, encoder: [5] } as const
const windowed: readonly Variant[] = [
  [
    'overlapping windows of a generator with labels',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 5,
      layers: 3,
      dilationCycle: 2,
      labels: ['a', 'b'],
      frontEnd: { kind: 'windows', kernel: 24, stride: 8, bins: 9 },
    },
  ],
  [
    'learned windows, a mask, a mel at the rate of frames',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 6,
      layers: 3,
      dilationCycle: 3,
      inputMask: { steps: 40 },
      frontEnd: { kind: 'windows', kernel: 16, stride: 8, bins: 6, learned: true },
      mel: frameRate,
    },
  ],
  [
    'windows and a mel that is upsampled',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 4,
      layers: 2,
      dilationCycle: 2,
      frontEnd: { kind: 'windows', kernel: 12, stride: 4 },
      mel: { kind: 'transposed', bands: 4, strides: [2, 6] },
    },
  ],
  [
    'windows with an envelope and a mask',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 6,
      layers: 3,
      dilationCycle: 2,
      inputMask: { steps: 40 },
      frontEnd: { kind: 'windows', kernel: 32, stride: 8, bins: 12, envelope: { floor: 0.1 } },
      mel: frameRate,
    },
  ],
  [
    'windows that do not overlap, with an envelope',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 5,
      layers: 2,
      dilationCycle: 2,
      frontEnd: { kind: 'windows', kernel: 16, stride: 16, envelope: { iterations: 3, floor: 0.05 } },
      mel: frameRate,
    },
  ],
]

/** A random batch for a network: clips of unequal lengths. */
function randomBatch(network: NetworkConfig, frameCounts: readonly number[]) {
  const bands = network.mel?.bands ?? 0
  const hop = network.mel === null ? 8 : melHop(network.mel)
  const audio = frameCounts.map((frames, i) => gaussian(1, i, 0, frames * hop))
  return {
    audio,
    steps: frameCounts.map((_, i) => 3.25 + 11 * i),
    ...(network.mel === null
      ? {}
      : { mel: frameCounts.map((frames, i) => ({ data: gaussian(2, i, 0, bands * frames), bands, frames })) }),
    ...(network.labels === null ? {} : { labels: frameCounts.map((_, i) => (i % 2 === 0 ? 1 : null)) }),
  }
}

export interface ConformanceOptions {
  /** Bound on the relative error of what the engine predicts. Default: 1e-4. */
  readonly tolerance?: number
  /**
   * Whether a slow engine computes only the first of three recorded updates of the weights, no outputs at integer steps
   * and no recorded network without a mel. Default: false.
   */
  readonly slow?: boolean
}

/** Compares predictions with those of a checkpoint of philsyn/DiffWave-Vocoder. */
export async function predictsAsRecorded(folder: string, create: CreateEngine, tolerance: number): Promise<void> {
  const { config, parameters } = await readModel(golden(`${folder}/1000.pkl`))
  const path = golden(`${folder}/golden.safetensors`)
  const { tensors } = decodeSafetensors(readFileSync(path), path)
  const engine = await create(config.network, parameters)
  try {
    const epsilon = await engine.predict({
      audio: clips(tensors.get('audio')!),
      mel: mels(tensors.get('mel')!),
      steps: tensors.get('steps')!.data,
    })
    clips(tensors.get('eps')!).forEach((expected, i) => {
      assert.ok(relativeError(epsilon[i]!, expected) < tolerance, `clip ${i}`)
    })
  } finally {
    await engine.dispose()
  }
}

/** Declares the suite for one engine. */
export function conformance(name: string, create: CreateEngine, options: ConformanceOptions = {}): void {
  const { tolerance = 1e-4, slow = false } = options
  for (const folder of ['lmnt-conditional-c8-l6', ...(slow ? [] : ['lmnt-unconditional-c8-l6'])]) {
    test(`${name}: ${folder}: outputs, gradients and updates match the reference`, async () => {
      const { config, parameters } = await readModel(golden(`${folder}/weights.pt`))
      const path = golden(`${folder}/network.safetensors`)
      const { tensors } = decodeSafetensors(readFileSync(path), path)
      const recorded = (tensor: string) => tensors.get(tensor)!
      const engine = await create(config.network, parameters)
      try {
        const mel = tensors.has('mel') ? { mel: mels(recorded('mel')) } : {}
        for (const kind of slow ? ['fractional'] : ['int', 'fractional']) {
          const epsilon = await engine.predict({
            audio: clips(recorded('audio')),
            steps: recorded(`forward.${kind}_steps`).data,
            ...mel,
          })
          clips(recorded(`forward.${kind}.eps`)).forEach((expected, i) => {
            assert.ok(relativeError(epsilon[i]!, expected) < tolerance, `ε at ${kind} steps, clip ${i}`)
          })
        }
        const adam = new Adam()
        const trained = new Map([...parameters].map(([key, { shape, data }]) => [key, { shape, data: data.slice() }]))
        for (let update = 0; update < (slow ? 1 : 3); update++) {
          const { loss, gradients } = await engine.lossGradients({
            audio: clips(recorded('train.noisy')),
            target: clips(recorded('train.noise')),
            steps: recorded('train.steps').data,
            loss: 'l1',
            ...mel,
          })
          const expected = recorded('train.losses').data[update]!
          assert.ok(Math.abs(loss - expected) / expected < 1e-4, `loss ${update}: ${loss}, not ${expected}`)
          if (update === 0) {
            for (const [key, gradient] of gradients) {
              const error = relativeError(gradient, recorded(`train.grad.${key}`).data)
              assert.ok(error < 1e-3, `gradient of ${key}: ${error}`)
            }
            assert.equal(gradients.size, parameters.size)
          }
          adam.update(trained, gradients, 2e-4)
          await engine.setParameters(trained)
        }
        for (const [key, { data }] of slow ? [] : trained) {
          const error = relativeError(data, recorded(`train.after3.${key}`).data)
          assert.ok(error < 1e-4, `${key} after three updates: ${error}`)
        }
      } finally {
        await engine.dispose()
      }
    })
  }

  test(`${name}: philsyn-c8-l4-zip: predictions match the reference`, () =>
    predictsAsRecorded('philsyn-c8-l4-zip', create, tolerance))

  for (const [variant, input] of [...variants, ...windowed]) {
    test(`${name}: ${variant}: gradients fit the loss, and chunks and batches keep every byte`, async () => {
      const network = networkSchema.parse(input)
      const parameters = randomParameters(network, 5)
      const engine = await create(network, parameters, convention)
      try {
        const batch = randomBatch(network, [9, 4, 9])
        const together = await engine.predict(batch)
        // The first clip streams below.
        for (let i = 1; i < together.length; i++) {
          const [alone] = await engine.predict({
            audio: [batch.audio[i]!],
            steps: [batch.steps[i]!],
            ...(batch.mel === undefined ? {} : { mel: [batch.mel[i]!] }),
            ...(batch.labels === undefined ? {} : { labels: [batch.labels[i]!] }),
          })
          assert.deepEqual(alone, together[i], `clip ${i} alone`)
        }

        const stream = engine.openStream({ steps: [batch.steps[0]!], label: batch.labels?.[0] ?? null })
        const audio = batch.audio[0]!
        if (batch.mel !== undefined) stream.pushMel(batch.mel[0]!, true)
        const pieces: number[] = []
        const cut = 3 * positionSamples(network)
        for (let at = 0; at < audio.length; at += cut) {
          pieces.push(...(await stream.predict(0, audio.slice(at, at + cut), at + cut >= audio.length)))
        }
        stream.dispose()
        assert.deepEqual(Float32Array.from(pieces), together[0], 'in small chunks')

        // Central differences along the gradient: an L2 loss has no corners, and the step is short for the ReLUs' sake.
        const target = batch.audio.map((clip, i) => gaussian(3, i, 0, clip.length))
        const request = { ...batch, target, loss: 'l2' as const, weight: target.map(clip => clip.map(Math.abs)) }
        const { gradients } = await engine.lossGradients(request)

        // The same loss, computed here. The weights in the request, as a trainer's batch has them, are in it already.
        const samples = target.reduce((sum, clip) => sum + clip.length, 0)
        const own = await engine.backward({
          ...request,
          gradientOf: outputs =>
            outputs.map((output, i) =>
              output.map((o, n) => (2 * Math.abs(target[i]![n]!) * (o - target[i]![n]!)) / samples),
            ),
        })
        for (const [key, gradient] of gradients) {
          const error = relativeError(own.get(key)!, gradient)
          assert.ok(error < 1e-4, `gradient of ${key} through the outputs: ${error}`)
        }

        let squares = 0
        for (const gradient of gradients.values()) for (const value of gradient) squares += value * value
        const size = 1e-3 / Math.sqrt(squares)
        const losses: number[] = []
        for (const sign of [1, -1]) {
          await engine.setParameters(
            new Map(
              [...parameters].map(([key, { shape, data }]) => [
                key,
                { shape, data: data.map((value, i) => value + sign * size * gradients.get(key)![i]!) },
              ]),
            ),
          )
          losses.push((await engine.lossGradients(request)).loss)
        }
        const slope = (losses[0]! - losses[1]!) / (2 * size)
        assert.ok(Math.abs(slope / squares - 1) < 1e-2, `slope ${slope}, gradient says ${squares}`)
      } finally {
        await engine.dispose()
      }
    })
  }

  test(`${name}: refuses bad requests, stops on a signal, and refuses work once disposed`, async context => {
    const network = networkSchema.parse(conditionedInPatches[1])
    const engine = await create(network, randomParameters(network, 6))
    // A worker that is left running would keep the process alive.
    context.after(() => engine.dispose())
    const { audio, mel, steps } = randomBatch(network, [4])
    const request = { audio, mel: mel!, steps }
    const refused = (change: object, code: string) =>
      assert.rejects(engine.predict({ ...request, ...change }), { name: 'DiffWaveError', code })
    await refused({ audio: [] }, 'BAD_SHAPE')
    await refused({ audio: [audio[0]!.slice(0, 3)] }, 'BAD_SHAPE')
    await refused({ audio: [new Float32Array(audio[0]!.length + 4)] }, 'BAD_SHAPE')
    await refused({ audio: [audio[0]!.map(() => Number.NaN)] }, 'NOT_FINITE')
    await refused({ mel: [{ ...mel![0]!, bands: 6 }] }, 'BAD_SHAPE')
    await refused({ steps: [-1] }, 'BAD_SHAPE')
    await refused({ steps: [1, 2] }, 'BAD_SHAPE')
    await refused({ labels: [0] }, 'BAD_SHAPE')
    await refused({ signal: AbortSignal.abort() }, 'ABORTED')
    const backward = { ...request, gradientOf: (outputs: readonly Float32Array[]) => outputs }
    for (const [change, code] of [
      [{ audio: [] }, 'BAD_SHAPE'],
      [{ gradientOf: () => [] }, 'BAD_SHAPE'],
      [{ gradientOf: () => [new Float32Array(audio[0]!.length).fill(Number.NaN)] }, 'NOT_FINITE'],
      [{ signal: AbortSignal.abort() }, 'ABORTED'],
    ] as const) {
      await assert.rejects(engine.backward({ ...backward, ...change }), { name: 'DiffWaveError', code })
    }
    const typed = { steps: Float32Array.of(3) } as unknown as StreamRequest
    assert.throws(() => engine.openStream(typed), { name: 'DiffWaveError', code: 'BAD_SHAPE' })
    const waiting = [engine.predict(request), engine.lossGradients({ ...request, target: audio, loss: 'l2' })]
    const left = waiting.map(work => assert.rejects(work, { name: 'DiffWaveError', code: 'DISPOSED' }))
    await engine.dispose()
    await Promise.all(left)
    await refused({}, 'DISPOSED')
  })

  test(`${name}: streams refuse wrong types, and all once the engine is disposed`, async context => {
    const network = networkSchema.parse(conditionedInPatches[1])
    const engine = await create(network, randomParameters(network, 6))
    context.after(() => engine.dispose())
    const { audio, mel } = randomBatch(network, [4])
    const steps = [3]
    const stream = engine.openStream({ steps })
    steps[0] = Number.NaN
    const refused = { name: 'DiffWaveError', code: 'BAD_SHAPE' }
    for (const wrong of [undefined, null, {}, { ...mel![0]!, data: Float64Array.from(mel![0]!.data) }]) {
      assert.throws(() => stream.pushMel(wrong as unknown as Mel, true), refused)
    }
    stream.pushMel(mel![0]!, true)
    for (const wrong of [undefined, [...audio[0]!], Float64Array.from(audio[0]!), new DataView(new ArrayBuffer(16))]) {
      await assert.rejects(stream.predict(0, wrong as unknown as Float32Array, false), refused)
    }
    const [whole] = await engine.predict({ audio, mel: mel!, steps: [3] })
    assert.deepEqual(await stream.predict(0, audio[0]!, true), whole)

    const open = engine.openStream({ steps: [3] })
    await engine.dispose()
    const disposed = { name: 'DiffWaveError', code: 'DISPOSED' }
    assert.throws(() => open.pushMel(mel![0]!, false), disposed)
    await assert.rejects(open.predict(0, new Float32Array(0), false), disposed)
    assert.throws(() => engine.openStream({ steps: [3] }), disposed)
    open.dispose()
    open.dispose()
  })
}
