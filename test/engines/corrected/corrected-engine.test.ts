/** A network that ends with a correction towards the mel, on any engine. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { MelCorrection } from '#src/audio/mel/correction'
import { sliceMel } from '#src/audio/mel/frames'
import { DiffWaveError } from '#src/core/errors'
import { gaussian } from '#src/core/random'
import { withCorrection } from '#src/engines/corrected/corrected-engine'
import type { Engine } from '#src/engines/engine'
import { type NetworkConfig, networkSchema } from '#src/model/network'
import { smallStepEmbedding } from '../../support/configs.js'
import { smallConvention } from '../../support/convention.js'
import { relativeError } from '../../support/numbers.js'
import { randomParameters } from '../../support/parameters.js'
import { createInSameThread } from '../tensorflow/same-thread.js'

const convention = smallConvention({ fftSize: 64, hop: 16, bands: 7, maxFrequency: 3800 })
const plain = networkSchema.parse({
  stepEmbedding: smallStepEmbedding,
  channels: 6,
  layers: 3,
  dilationCycle: 2,
  inputMask: { steps: 40 },
  frontEnd: { kind: 'windows', kernel: 32, stride: 8, envelope: { floor: 0.1 } },
  mel: { kind: 'frame-rate', bands: 7, hop: 16, encoder: [5] },
})
const settings = { passes: 2, iterations: 3, relaxation: 1.7 }
const network = networkSchema.parse({ ...plain, frontEnd: { ...plain.frontEnd, correction: settings } })
const parameters = randomParameters(plain, 5)
const frames = [20, 9]
const batch = {
  audio: frames.map((count, i) => gaussian(1, i, 0, count * 16)),
  mel: frames.map((count, i) => ({ data: gaussian(2, i, 0, 7 * count), bands: 7, frames: count })),
  steps: [3.5, 20],
}
/** On TensorFlow.js, which has no correction of its own. */
const open = async (network: NetworkConfig) =>
  withCorrection(await createInSameThread({ network, parameters, convention, backend: 'wasm' }), convention)
const engine = await open(network)
after(() => engine.dispose())

describe('a network with a correction', () => {
  test('returns the output of the plain network, corrected towards the mel', async () => {
    const uncorrected = await open(plain)
    try {
      const plainly = await uncorrected.predict(batch)
      const correction = new MelCorrection(convention, settings)
      for (const [i, output] of (await engine.predict(batch)).entries()) {
        assert.deepEqual(output, correction.correct(plainly[i]!, batch.mel[i]!))
        assert.ok(relativeError(output, plainly[i]!) > 0.1)
      }
    } finally {
      await uncorrected.dispose()
    }
  })

  test('gives the same bytes in a stream, which lags no more than it states', async () => {
    const [whole] = await engine.predict(batch)
    const stream = engine.openStream({ steps: [3.5, 3.5] })
    const given: number[][] = [[], []]
    let heard = 0
    for (let at = 0; at < whole!.length; at += 40) {
      const end = Math.min(whole!.length, at + 40)
      const needed = Math.min(frames[0]!, Math.ceil(end / 16) + 3)
      if (needed > heard) stream.pushMel(sliceMel(batch.mel[0]!, heard, needed), needed === frames[0])
      heard = needed
      for (const pass of [0, 1]) {
        const piece = batch.audio[0]!.slice(at, end)
        given[pass]!.push(...(await stream.predict(pass, piece, end === whole!.length)))
        assert.ok(given[pass]!.length >= end - stream.latency)
      }
    }
    stream.dispose()
    for (const values of given) assert.deepEqual(Float32Array.from(values), whole)
  })

  test('closes what is open of a stream that does not open', () => {
    const closed: string[] = []
    const part = (name: string) => ({ dispose: () => closed.push(name) })
    const opened = [part('first correction')]
    const inner = {
      network,
      openStream: () => part('stream'),
      openCorrection() {
        const next = opened.pop()
        if (next === undefined) throw new DiffWaveError('DISPOSED', 'gone')
        return next
      },
    } as unknown as Engine
    assert.throws(() => withCorrection(inner, convention).openStream({ steps: [3, 1] }), { code: 'DISPOSED' })
    assert.deepEqual(closed, ['stream', 'first correction'])
  })

  test('refuses a malformed batch with a code', async () => {
    for (const wrong of [
      null,
      {},
      { ...batch, mel: 3 },
      { ...batch, audio: [[0]] },
      { ...batch, audio: new DataView(new ArrayBuffer(8)) },
      { ...batch, audio: batch.audio.map(clip => new BigInt64Array(clip.length)) },
    ] as never[]) {
      for (const method of ['predict', 'lossGradients', 'backward'] as const) {
        await assert.rejects(async () => engine[method](wrong), { name: 'DiffWaveError', code: 'BAD_SHAPE' }, method)
      }
    }
  })

  test('ignores changes to targets and weights during a call', async () => {
    const ones = () => batch.audio.map(clip => new Float32Array(clip.length).fill(1))
    const request = () => ({ ...batch, target: ones(), weight: ones(), loss: 'l1' as const })
    const wanted = await engine.lossGradients(request())
    const changed = request()
    const running = engine.lossGradients(changed)
    for (const array of [...changed.target, ...changed.weight]) array.fill(7)
    assert.deepEqual(await running, wanted)
  })

  test('has gradients that match finite differences of the loss', async () => {
    const target = batch.audio.map((clip, i) => gaussian(3, i, 0, clip.length))
    const weight = batch.audio.map(clip => clip.map((_, i) => 1 + (i % 3)))
    const request = { ...batch, target, weight, loss: 'l2' as const }
    const { loss, clipLosses, gradients } = await engine.lossGradients(request)
    const samples = target.map(clip => clip.length)
    const mean = (clipLosses[0]! * samples[0]! + clipLosses[1]! * samples[1]!) / (samples[0]! + samples[1]!)
    assert.ok(Math.abs(loss / mean - 1) < 1e-5)
    let squares = 0
    for (const gradient of gradients.values()) for (const value of gradient) squares += value * value
    const size = 1e-3 / Math.sqrt(squares)
    const losses: number[] = []
    for (const sign of [1, -1]) {
      const moved = [...parameters].map(([name, { shape, data }]) => {
        const gradient = gradients.get(name)!
        return [name, { shape, data: data.map((value, i) => value + sign * size * gradient[i]!) }] as const
      })
      await engine.setParameters(new Map(moved))
      losses.push((await engine.lossGradients(request)).loss)
    }
    await engine.setParameters(parameters)
    const slope = (losses[0]! - losses[1]!) / (2 * size)
    assert.ok(Math.abs(slope / squares - 1) < 1e-2, `slope ${slope}, gradient says ${squares}`)
  })
})
