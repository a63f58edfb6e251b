/** The native code around a windowed front end gives the bytes of the TypeScript version, or those but for rounding. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { type MelConvention, melConventionSchema, namedConventions } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { loadAddon } from '#src/engines/native/load-addon'
import { FrontEndEnvelope } from '#src/model/front-end/envelope'
import { WindowFilter } from '#src/model/front-end/windows'
import { networkSchema } from '#src/model/network'
import { initialParameters } from '#src/training/optimiser/initialise'
import { smallGeneratorConfig } from '../../support/configs.js'
import { engineRequest } from './engine-request.js'

const sets = surveyNative().instructionSets.filter(set => set !== 'scalar')
const { network } = smallGeneratorConfig()
const engines = await Promise.all(
  sets.map(instructionSet =>
    createNativeEngine({ network, parameters: initialParameters(network, 1), instructionSet, threads: 1 }),
  ),
)
after(() => Promise.all(engines.map(engine => engine.dispose())))

const { tacotron2 } = namedConventions
const conventions: readonly MelConvention[] = [
  tacotron2,
  { ...tacotron2, power: 2, windowNormalised: true },
  { ...tacotron2, fftSize: 64, windowLength: 64, hop: 16, bands: 8 },
].map(convention => melConventionSchema.parse(convention))

function frontEndOf(kernel: number, stride: number, bins: number, iterations = 10) {
  const { frontEnd } = networkSchema.parse({
    ...{ channels: 4, layers: 1, dilationCycle: 1 },
    frontEnd: { kind: 'windows', kernel, stride, bins, envelope: { floor: 1e-3, iterations } },
    mel: { kind: 'frame-rate', bands: 8, hop: stride, encoder: [] },
  })
  return frontEnd!
}

for (const [i, set] of sets.entries()) {
  describe(`front-end kernels, ${set}`, () => {
    test('compute the power per bin with the bytes of the TypeScript version', () => {
      for (const convention of conventions) {
        const { bands, fftSize } = convention
        for (const [factor, iterations] of [
          [1, 3],
          [2, 10],
          [4, 1],
        ] as const) {
          const kernel = fftSize / factor
          const frontEnd = frontEndOf(kernel, kernel / 4, kernel / 2 - 1, iterations)
          for (const frames of [0, 1, 8, 21]) {
            const data = gaussian(3, frames, 0, bands * frames).map(z => z - 3)
            const mel = { data, bands, frames }
            const readable = new FrontEndEnvelope(frontEnd, convention).powers(mel)
            const native = new FrontEndEnvelope(frontEnd, convention, engines[i]!.frontEnd).powers(mel)
            assert.deepEqual(native, readable, `${fftSize}/${factor}, ${frames} frames`)
          }
        }
      }
    })

    test('move phases by the minimum phase of the TypeScript version, but for rounding', () => {
      for (const [kernel, stride, bins] of [
        [512, 128, 187],
        [16, 16, 9],
        [64, 32, 5],
      ] as const) {
        const frontEnd = frontEndOf(kernel, stride, bins)
        for (const positions of [1, 8, 13]) {
          const samples = gaussian(1, positions, 0, (positions - 1) * stride + kernel)
          // From the smallest envelope to a loud one.
          const magnitudes = gaussian(2, positions, 0, positions * bins).map(z => 3e-4 * Math.exp(4 * Math.abs(z)))
          const [readable, native] = [undefined, engines[i]!.frontEnd].map(kernels => {
            const sum = new Float64Array(samples.length)
            new WindowFilter(frontEnd, kernels).addAll(samples, magnitudes, sum, magnitudes)
            return sum
          })
          const largest = Math.max(...readable!.map(Math.abs))
          for (const [at, x] of readable!.entries()) assert.ok(Math.abs(x - native![at]!) < 1e-13 * largest)
        }
      }
    })

    test('filter windows with the bytes of the TypeScript version', () => {
      for (const [kernel, stride, bins] of [
        [512, 128, 187],
        [16, 16, 9],
        [64, 32, 5],
        [24, 8, 13],
      ] as const) {
        const frontEnd = frontEndOf(kernel, stride, bins)
        for (const positions of [0, 1, 8, 13]) {
          const length = Math.max(0, (positions - 1) * stride + kernel)
          const samples = gaussian(1, positions, 0, length)
          const gains = gaussian(2, positions, 0, positions * bins)
          const sums = [undefined, engines[i]!.frontEnd].map(kernels => {
            const sum = Float64Array.from(gaussian(3, positions, 0, length))
            new WindowFilter(frontEnd, kernels).addAll(samples, gains, sum)
            return sum
          })
          assert.deepEqual(sums[1], sums[0], `windows of ${kernel}, ${positions} positions`)
        }
      }
    })
  })
}

describe('the addon’s front-end calls', () => {
  const addon = loadAddon()
  const handle = addon.create(engineRequest(network, sets[0]!))

  test('refuse envelopes and mels that do not fit', () => {
    const shape = {
      ...{ bins: 9, bands: 1, updates: 1, factor: 2, outputs: 4, windowNorm: 1, squared: false },
      ...{ columnSums: new Float64Array(9), triangle: new Float64Array(3) },
      ...{ filters: Float64Array.of(1, 2), weights: new Float64Array(2) },
    }
    for (const wrong of [
      { bins: 0 },
      { bands: 2 },
      { updates: -1 },
      { factor: 0 },
      { outputs: 6 },
      { columnSums: new Float64Array(8) },
      { triangle: new Float64Array(2) },
      { filters: Float64Array.of(8, 2) },
      { weights: new Float64Array(3) },
    ]) {
      assert.throws(() => addon.openEnvelope(handle, { ...shape, ...wrong }), JSON.stringify(wrong))
    }
    const envelope = addon.openEnvelope(handle, shape)
    assert.throws(() => addon.envelopePowers(envelope, new Float64Array(2), new Float32Array(7)), /length/)
    addon.envelopePowers(envelope, new Float64Array(2), new Float32Array(8))
  })

  test('refuse filters and samples that do not fit', () => {
    const shape = { size: 16, stride: 4, bins: 9, window: new Float64Array(16), roots: new Float64Array(32) }
    for (const wrong of [
      { size: 24 },
      { size: 8 },
      { stride: 0 },
      { stride: 17 },
      { bins: 10 },
      { window: new Float64Array(15) },
      { roots: new Float64Array(31) },
    ]) {
      assert.throws(() => addon.openWindowFilter(handle, { ...shape, ...wrong }), JSON.stringify(wrong))
    }
    const filter = addon.openWindowFilter(handle, shape)
    const call = (samples: number, gains: number, sums: number, magnitudes?: number) =>
      addon.filterWindows(filter, {
        samples: new Float32Array(samples),
        gains: new Float32Array(gains),
        sums: new Float64Array(sums),
        magnitudes: magnitudes === undefined ? undefined : new Float32Array(magnitudes),
      })
    for (const [samples, gains, sums, magnitudes] of [
      [20, 17, 20, undefined],
      [19, 18, 20, undefined],
      [20, 18, 21, undefined],
      [20, 18, 20, 17],
      [0, 0, 0, undefined],
    ] as const) {
      assert.throws(() => call(samples, gains, sums, magnitudes), /length/)
    }
    call(20, 18, 20)
    call(20, 18, 20, 18)
  })

  test('refuse an array that a getter detached after it was read', () => {
    const shape = { size: 16, stride: 4, bins: 9, window: new Float64Array(16), roots: new Float64Array(32) }
    const filter = addon.openWindowFilter(handle, shape)
    const gains = new Float32Array(9)
    const request = {
      samples: new Float32Array(16),
      gains,
      get sums() {
        structuredClone(gains.buffer, { transfer: [gains.buffer] })
        return new Float64Array(16)
      },
      magnitudes: undefined,
    }
    assert.throws(() => addon.filterWindows(filter, request), /array changed/)
  })

  test('need a handle of the right kind, which outlives its engine', async () => {
    const shape = { size: 16, stride: 4, bins: 9, window: new Float64Array(16), roots: new Float64Array(32) }
    const filter = addon.openWindowFilter(handle, shape)
    assert.throws(() => addon.envelopePowers(filter as never, new Float64Array(0), new Float32Array(0)), /envelope/)
    await addon.dispose(handle)
    addon.filterWindows(filter, {
      samples: new Float32Array(16),
      gains: new Float32Array(9),
      sums: new Float64Array(16),
    })
  })
})
