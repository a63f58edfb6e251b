/** Compares an engine with the slow network of test/support/naive-network.ts, over random networks and clips. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Mel } from '#src/audio/mel/convention'
import { gaussian, uniformInteger } from '#src/core/random'
import type { LossRequest } from '#src/engines/engine'
import { envelopeOf } from '#src/model/front-end/envelope'
import { hasEnvelope, melHop, type NetworkConfig, networkSchema, positionSamples } from '#src/model/network'
import { smallConvention } from '../support/convention.js'
import { type NaiveClip, naiveNoise } from '../support/naive-network.js'
import { relativeError } from '../support/numbers.js'
import { randomParameters } from '../support/parameters.js'
import type { CreateEngine } from './conformance.js'

/** The hops people use, in both kinds of conditioner; 200, 300 and 256 take patches of 1, 2 and 4. */
const conditioners: readonly NonNullable<Parameters<typeof networkSchema.parse>[0]>[] = [
  { kind: 'transposed', bands: 5, strides: [16, 16] },
  { kind: 'transposed', bands: 4, strides: [10, 20], sharing: 'per-layer' },
  { kind: 'transposed', bands: 3, strides: [5, 5, 11] },
  { kind: 'transposed', bands: 6, strides: [12, 25] },
  { kind: 'transposed', bands: 2, strides: [7] },
  { kind: 'transposed', bands: 1, strides: [1, 2] },
  { kind: 'frame-rate', bands: 6, hop: 300 },
  { kind: 'frame-rate', bands: 4, hop: 200, encoder: [5] },
  { kind: 'frame-rate', bands: 3, hop: 256, encoder: [2, 7] },
  { kind: 'frame-rate', bands: 3, hop: 275, encoder: [4] },
]

const networks = fc
  .record({
    channels: fc.integer({ min: 1, max: 9 }),
    layers: fc.integer({ min: 1, max: 4 }),
    dilationCycle: fc.integer({ min: 1, max: 4 }),
    patch: fc.constantFrom(1, 2, 4, 32),
    inputMask: fc.constantFrom(null, { steps: 20 }, { steps: 1000 }),
    gate: fc.constantFrom('sigmoid-tanh', 'tanh-sigmoid'),
    residual: fc.constantFrom('before-step', 'after-step'),
    labels: fc.constantFrom(null, ['a'], ['a', 'b', 'c']),
    mel: fc.constantFrom(null, ...conditioners),
    stepEmbedding: fc.record({
      frequencies: fc.constantFrom('powers-of-ten', 'inverse'),
      fractional: fc.constantFrom('interpolated', 'direct'),
      size: fc.constantFrom(4, 16),
      hidden: fc.integer({ min: 1, max: 12 }),
    }),
  })
  .filter(network => networkSchema.safeParse(network).success)
  .map(network => networkSchema.parse(network))

/** Windows in every combination with masks, envelopes and conditioners that there is. */
const windowedNetworks = fc
  .record({
    channels: fc.integer({ min: 1, max: 9 }),
    layers: fc.integer({ min: 1, max: 3 }),
    dilationCycle: fc.integer({ min: 1, max: 3 }),
    inputMask: fc.constantFrom(null, { steps: 20 }),
    labels: fc.constantFrom(null, ['a', 'b']),
    mel: fc.constantFrom(
      null,
      { kind: 'frame-rate', bands: 6, hop: 48 },
      { kind: 'frame-rate', bands: 6, hop: 48, encoder: [4, 3] },
      { kind: 'transposed', bands: 3, strides: [4, 6] },
    ),
    frontEnd: fc
      .record({
        kind: fc.constant('windows'),
        shape: fc.constantFrom([8, 8], [12, 4], [16, 8], [24, 8], [32, 8], [64, 16]),
        bins: fc.constantFrom(undefined, 4),
        learned: fc.boolean(),
        envelope: fc.constantFrom(null, { floor: 0.01 }, { iterations: 2, floor: 0.1 }),
      })
      .map(({ shape: [kernel, stride], ...rest }) => ({ ...rest, kernel, stride })),
    stepEmbedding: fc.constant({ frequencies: 'inverse', fractional: 'direct', size: 8, hidden: 6 }),
  })
  .map(network => {
    // Most draws would have an envelope without what it needs.
    const can = !network.frontEnd.learned && network.mel?.kind === 'frame-rate' && network.frontEnd.kernel !== 12
    return can ? network : { ...network, frontEnd: { ...network.frontEnd, envelope: null } }
  })
  .filter(network => network.frontEnd.kernel !== 24 || network.frontEnd.envelope === null)
  .map(network => networkSchema.parse(network))

const convention = smallConvention({ fftSize: 64, hop: 48, bands: 6, maxFrequency: 3500 })

/** Clips of unequal odd lengths, some shorter than their mel. */
export function randomClips(network: NetworkConfig, seed: number, count: number): (NaiveClip & { step: number })[] {
  return Array.from({ length: count }, (_, i) => {
    const frames = 1 + uniformInteger(seed, 100, i, 3)
    const hop = network.mel === null ? 60 : melHop(network.mel)
    const most = Math.floor((frames * hop) / positionSamples(network))
    const positions = Math.max(1, most - uniformInteger(seed, 101, i, Math.min(most, 40)))
    const bands = network.mel?.bands ?? 0
    const mel: Mel = { bands, frames, data: gaussian(seed, 102, i * 10_000, bands * frames) }
    return {
      audio: gaussian(seed, 103, i * 10_000, positions * positionSamples(network)),
      step: uniformInteger(seed, 104, i, 200) / 4,
      ...(network.mel === null ? {} : { mel }),
      ...(hasEnvelope(network) ? { deviations: envelopeOf(network, convention)!.deviations(mel, positions) } : {}),
      ...(network.labels === null ? {} : { label: uniformInteger(seed, 105, i, network.labels.length + 1) - 1 }),
    }
  }).map(clip => ({ ...clip, ...(clip.label === -1 ? { label: null } : {}) }))
}

export function asBatch(clips: readonly NaiveClip[]): Pick<LossRequest, 'audio' | 'steps' | 'mel' | 'labels'> {
  return {
    audio: clips.map(clip => clip.audio),
    steps: clips.map(clip => clip.step),
    ...(clips[0]!.mel === undefined ? {} : { mel: clips.map(clip => clip.mel!) }),
    ...(clips[0]!.label === undefined ? {} : { labels: clips.map(clip => clip.label ?? null) }),
  }
}

/** Declares the comparison for one engine. */
export function agreesWithOracle(name: string, create: CreateEngine, runs: number, windows = true): void {
  agrees(`${name}: random networks give the oracle’s predictions and losses`, networks, create, runs)
  if (!windows) return
  agrees(`${name}: random windowed networks give the oracle’s outputs and losses`, windowedNetworks, create, runs)
}

/** What the oracle makes of each drawn case: the cases are the same for every engine and instruction set. */
const predicted = new Map<string, Float64Array[]>()

function agrees(title: string, arbitrary: fc.Arbitrary<NetworkConfig>, create: CreateEngine, runs: number): void {
  test(title, async () => {
    await fc.assert(
      fc.asyncProperty(arbitrary, fc.nat(), fc.boolean(), async (network, seed, squared) => {
        const parameters = randomParameters(network, seed)
        const clips = randomClips(network, seed, 3)
        const key = JSON.stringify([network, seed])
        const expected = predicted.get(key) ?? clips.map(clip => naiveNoise(network, parameters, clip))
        predicted.set(key, expected)
        const engine = await create(network, parameters, convention)
        try {
          const batch = asBatch(clips)
          const actual = await engine.predict(batch)
          actual.forEach((epsilon, i) => {
            assert.ok(relativeError(epsilon, expected[i]!) < 1e-4, `clip ${i}: ${relativeError(epsilon, expected[i]!)}`)
          })

          const target = batch.audio.map((clip, i) => gaussian(seed, 200 + i, 0, clip.length))
          const weight = batch.audio.map((clip, i) => gaussian(seed, 300 + i, 0, clip.length).map(Math.abs))
          const { loss, clipLosses } = await engine.lossGradients({
            ...batch,
            target,
            weight,
            loss: squared ? 'l2' : 'l1',
          })
          const sums = expected.map((epsilon, i) =>
            epsilon.reduce((sum, value, k) => {
              const difference = Math.abs(value - target[i]![k]!)
              return sum + weight[i]![k]! * (squared ? difference ** 2 : difference)
            }, 0),
          )
          const means = sums.map((sum, i) => sum / expected[i]!.length)
          assert.ok(relativeError(clipLosses, means) < 1e-4, 'losses of the clips')
          const samples = expected.reduce((sum, { length }) => sum + length, 0)
          const mean = sums.reduce((a, b) => a + b) / samples
          assert.ok(Math.abs(loss / mean - 1) < 1e-4, 'loss of the batch')
        } finally {
          await engine.dispose()
        }
      }),
      { numRuns: runs, seed: 2021 },
    )
  })
}
