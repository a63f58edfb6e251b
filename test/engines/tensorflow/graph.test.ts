/** The layers of the TensorFlow.js graph agree with the reference, and its windows with one run over the whole clip. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, test } from 'node:test'

import tf = require('@tensorflow/tfjs-core')

import { melConventionSchema, namedConventions } from '#src/audio/mel/convention'
import { sliceMel } from '#src/audio/mel/frames'
import { gaussian, uniformInteger } from '#src/core/random'
import type { Tensors } from '#src/core/tensor'
import { startBackend } from '#src/engines/tensorflow/backend'
import { predict } from '#src/engines/tensorflow/network'
import { WindowedStream } from '#src/engines/windowed/windowed-stream'
import { type WindowRequest, windowShape } from '#src/engines/windowed/windows'
import { decodeSafetensors } from '#src/formats/safetensors'
import { envelopeOf } from '#src/model/front-end/envelope'
import { melContext, melHop, type NetworkConfig, networkSchema, positionSamples } from '#src/model/network'
import { readModel } from '#src/model/read-model'
import { stepSinusoids } from '#src/model/step-embedding'
import { smallStepEmbedding } from '../../support/configs.js'
import { relativeError } from '../../support/numbers.js'
import { randomParameters } from '../../support/parameters.js'
import { golden } from '../../support/paths.js'

before(() => startBackend('wasm'))

function inTensors(parameters: Tensors): Record<string, tf.Tensor> {
  return Object.fromEntries([...parameters].map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]))
}

for (const folder of ['lmnt-conditional-c8-l6', 'lmnt-unconditional-c8-l6']) {
  test(`${folder}: sinusoids, embedding, upsampled mel and layers match the reference`, async () => {
    const { config, parameters } = await readModel(golden(`${folder}/weights.pt`))
    const { network } = config
    const path = golden(`${folder}/network.safetensors`)
    const recorded = decodeSafetensors(readFileSync(path), path).tensors
    const table = stepSinusoids(
      network.stepEmbedding,
      Array.from({ length: 50 }, (_, t) => t),
    )
    const expectedTable = recorded.get('embedding.table')!.data
    table.forEach((value, i) => {
      assert.ok(Math.abs(value - expectedTable[i]!) < 1e-6, `row ${Math.floor(i / 128)}, column ${i % 128}`)
    })

    const of = (name: string) => tf.tensor(recorded.get(name)!.data, [...recorded.get(name)!.shape])
    const weights = inTensors(parameters)
    /** What the graph shows of itself, channels first as the reference has them. */
    const shown = (steps: ArrayLike<number>, audio: tf.Tensor2D, mel: tf.Tensor3D | null) => {
      const values = new Map<string, Float32Array>()
      tf.tidy(() => {
        const input = {
          audio,
          sinusoids: tf.tensor2d(stepSinusoids(network.stepEmbedding, steps), [steps.length, 128]),
          gains: null,
          deviations: null,
          labels: null,
          mel: mel === null ? null : { frames: mel, firstSample: 0 },
        }
        const probe = (name: string, value: tf.Tensor) => {
          const turned = value.rank === 3 && name !== 'upsampled_mel' ? tf.transpose(value, [0, 2, 1]) : value
          values.set(name, turned.dataSync() as Float32Array)
        }
        predict(network, weights, input, { probe })
      })
      return values
    }
    const mel = recorded.has('mel') ? (of('mel') as tf.Tensor3D) : null
    const values = shown(recorded.get('forward.int_steps')!.data, of('audio') as tf.Tensor2D, mel)
    const names = ['input_projection', 'layer0.residual', 'layer0.skip', 'layer5.residual', 'layer5.skip']
    for (const [name, file] of [
      ...names.map(name => [name, `forward.${name}`] as const),
      ...(mel === null ? [] : [['upsampled_mel', 'upsampled_mel'] as const]),
    ]) {
      const error = relativeError(values.get(name)!, recorded.get(file)!.data)
      assert.ok(error < 1e-4, `${name}: ${error}`)
    }
    const fractional = recorded.get('embedding.fractional_steps')!.data
    const blank = { audio: tf.zeros([6, 256]) as tf.Tensor2D, mel: mel && (tf.zeros([6, 80, 1]) as tf.Tensor3D) }
    const embedding = shown(fractional, blank.audio, blank.mel).get('embedding')!
    assert.ok(relativeError(embedding, recorded.get('embedding.fractional')!.data) < 1e-4, 'embedding')
  })
}

/** The engine of these streams is never disposed. */
const checkAlive = () => undefined

const networks: readonly (readonly [string, Parameters<typeof networkSchema.parse>[0]])[] = [
  [
    'transposed mel',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 3,
      layers: 4,
      dilationCycle: 4,
      mel: { kind: 'transposed', bands: 3, strides: [5, 55] },
    },
  ],
  [
    'frame-rate mel, patches of 2',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 3,
      layers: 5,
      dilationCycle: 5,
      patch: 2,
      mel: { kind: 'frame-rate', bands: 4, hop: 300, encoder: [3] },
    },
  ],
  ['no mel, patches of 4', { stepEmbedding: smallStepEmbedding, channels: 4, layers: 3, dilationCycle: 6, patch: 4 }],
  [
    'learned windows, no mel',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 4,
      layers: 3,
      dilationCycle: 3,
      frontEnd: { kind: 'windows', kernel: 24, stride: 8, bins: 6, learned: true },
    },
  ],
  [
    'windows with an envelope',
    {
      stepEmbedding: smallStepEmbedding,
      channels: 4,
      layers: 3,
      dilationCycle: 4,
      frontEnd: { kind: 'windows', kernel: 64, stride: 16, bins: 20, envelope: {} },
      mel: { kind: 'frame-rate', bands: 4, hop: 32 },
    },
  ],
]

const convention = melConventionSchema.parse({
  ...namedConventions.tacotron2,
  fftSize: 128,
  windowLength: 128,
  hop: 32,
  bands: 4,
})

for (const [name, input] of networks) {
  test(`${name}: chunks of audio or mel change no byte, and windows match a single run`, async () => {
    const network: NetworkConfig = networkSchema.parse(input)
    const weights = inTensors(randomParameters(network, 3))
    const { length, halo } = windowShape(network)
    const bands = network.mel?.bands ?? 0
    const unit = positionSamples(network)
    const hop = network.mel === null ? unit : melHop(network.mel)
    const envelope = envelopeOf(network, convention)
    const run = ({ audio, step, mel, deviations }: WindowRequest): Float32Array =>
      tf.tidy(() =>
        predict(network, weights, {
          audio: tf.tensor2d(audio, [1, audio.length]),
          sinusoids: tf.tensor2d(stepSinusoids(network.stepEmbedding, [step]), [1, network.stepEmbedding.size]),
          gains: null,
          deviations: deviations && tf.tensor3d(deviations, [1, audio.length / unit, envelope!.bins]),
          labels: null,
          mel: mel && {
            frames: tf.tensor3d(mel.data, [1, mel.bands, mel.frames]),
            firstSample: mel.firstSample,
          },
        }).dataSync(),
      ) as Float32Array

    // Ends before, at and past a window's edge, with and without room for its halo.
    for (const [round, samples] of [
      2 * length + halo,
      2 * length,
      length + halo + unit,
      2 * length - 3 * unit,
    ].entries()) {
      const frames = Math.ceil(samples / hop)
      const audio = gaussian(7, round, 0, samples)
      const mel = { bands, frames, data: gaussian(8, round, 0, bands * frames) }
      // Passes share a window's edges, so that two of them in the first clip are enough.
      const steps = round === 0 ? [37.5, 4] : [37.5]
      const whole = steps.map(step =>
        run({
          audio,
          step,
          label: null,
          mel: bands > 0 ? { ...mel, firstSample: 0 } : null,
          deviations: envelope?.deviations(mel, samples / unit) ?? null,
        }),
      )

      const streamed = async (seed: number, longest: number): Promise<Float32Array[]> => {
        const stream = new WindowedStream(
          { network, envelope, predictWindow: async request => run(request), checkAlive },
          { steps },
        )
        const given: number[][] = steps.map(() => [])
        let heard = 0
        for (let at = 0, chunk = 0; at < samples; chunk++) {
          const positions = 1 + uniformInteger(seed, 1, chunk, Math.floor(longest / unit))
          const to = Math.min(at + positions * unit, samples)
          if (network.mel !== null && heard < frames) {
            // No more of the mel than the contract asks for.
            const needed = Math.min(Math.ceil(to / hop) + melContext(network.mel), frames)
            if (needed > heard) stream.pushMel(sliceMel(mel, heard, needed), needed === frames)
            heard = Math.max(heard, needed)
          }
          for (const pass of steps.keys()) {
            given[pass]!.push(...(await stream.predict(pass, audio.slice(at, to), to === samples)))
            assert.ok(given[pass]!.length >= to - stream.latency, 'ε lags behind by more than the latency')
          }
          at = to
        }
        stream.dispose()
        return given.map(values => Float32Array.from(values))
      }
      const atOnce = await streamed(0, 10 * samples)
      whole.forEach((expected, pass) => {
        assert.equal(atOnce[pass]!.length, samples)
        atOnce[pass]!.forEach((value, i) => {
          assert.ok(Math.abs(value - expected[i]!) < 1e-5, `${samples} samples, pass ${pass}, sample ${i}`)
        })
      })
      assert.deepEqual(await streamed(1, 3000), atOnce)
    }
  })
}

test('a stream refuses audio that its mel does not cover, and mel after the last piece', async () => {
  const network = networkSchema.parse({ ...(networks[1]![1] as object) })
  const predictWindow = async ({ audio }: WindowRequest) => new Float32Array(audio.length)
  const stream = new WindowedStream({ network, envelope: null, predictWindow, checkAlive }, { steps: [1] })
  const mel = (frames: number) => ({ bands: 4, frames, data: new Float32Array(4 * frames) })
  await assert.rejects(stream.predict(0, new Float32Array(2), false), { code: 'BAD_SHAPE' })
  stream.pushMel(mel(2), false)
  await assert.rejects(stream.predict(0, new Float32Array(2), false), { code: 'BAD_SHAPE' })
  stream.pushMel(mel(1), true)
  assert.throws(() => stream.pushMel(mel(1), true), { code: 'BAD_SHAPE' })
  await assert.rejects(stream.predict(0, new Float32Array(902), true), { code: 'BAD_SHAPE' })
  await assert.rejects(stream.predict(1, new Float32Array(2), true), { code: 'BAD_SHAPE' })
  assert.equal((await stream.predict(0, new Float32Array(900), true)).length, 900)
  stream.dispose()
  await assert.rejects(stream.predict(0, new Float32Array(2), true), { code: 'DISPOSED' })
})
