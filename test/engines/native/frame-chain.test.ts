/** Phase refinement and correction in native code give the bytes of the TypeScript versions in src/audio/mel. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { type Mel, type MelConvention, namedConventions } from '#src/audio/mel/convention'
import { correctionObstacle, MelCorrection } from '#src/audio/mel/correction'
import { sliceMel } from '#src/audio/mel/frames'
import { PhaseRefinement, refinementLookAhead } from '#src/audio/mel/phase-refinement'
import { concatenateAudio } from '#src/core/concatenate'
import type { Engine, FrameStream } from '#src/engines/engine'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { loadAddon } from '#src/engines/native/load-addon'
import { createWasmEngine, surveyWasm } from '#src/engines/wasm/engine'
import { initialParameters } from '#src/training/optimiser/initialise'
import { smallGeneratorConfig } from '../../support/configs.js'
import { code } from '../../support/errors.js'
import { refinedConventions, smallConvention, unrefined } from '../../support/refinement.js'
import { allowRelaxedSimd } from '../wasm/relaxed-simd.js'
import { engineRequest } from './engine-request.js'

allowRelaxedSimd()

const sets = surveyNative().instructionSets.filter(set => set !== 'scalar')
const { network } = smallGeneratorConfig()
const parameters = initialParameters(network, 1)
const engines: Engine[] = []
after(() => Promise.all(engines.map(engine => engine.dispose())))

async function engineOf(instructionSet: (typeof sets)[number] = sets[0]!, threads = 2): Promise<Engine> {
  const engine = await createNativeEngine({
    network,
    parameters,
    instructionSet,
    threads,
  })
  engines.push(engine)
  return engine
}

const { tacotron2 } = namedConventions
const conventions = [
  ...refinedConventions,
  smallConvention({ fftSize: 128, windowLength: 128, hop: 128 }),
  smallConvention({ windowLength: 60, hop: 24, framing: 'edge', windowNormalised: true }),
  smallConvention({ fftSize: 8192, windowLength: 8000, hop: 2000, bands: 16 }),
]

type Settings = ConstructorParameters<typeof PhaseRefinement>[1]

/** Computes what has a key once: a clip and its expected bytes are the same for every instruction set. */
function computedOnce<Value>() {
  const known = new Map<string, Value>()
  return (key: string, compute: () => Value): Value => {
    const value = known.get(key) ?? compute()
    known.set(key, value)
    return value
  }
}
const expectedRefinement = computedOnce<Float32Array>()
const expectedCorrection = computedOnce<Float32Array>()
const clips = computedOnce<ReturnType<typeof unrefined>>()
const clipOf = (convention: MelConvention, frames: number) =>
  clips(JSON.stringify([convention, frames]), () => unrefined(convention, frames))

/** Frames of a test's clip: fewer of a long hop, so that each clip is 50,000 samples at most. */
const framesIn = (convention: MelConvention, frames: number) => (convention.hop > 1000 ? Math.ceil(frames / 3) : frames)

function readable(convention: MelConvention, settings: Settings, mel: Mel, start: Float32Array): Float32Array {
  const refinement = new PhaseRefinement(convention, settings)
  refinement.pushMel(mel)
  return concatenateAudio([...refinement.push(start, true)])
}

/** In pieces of the given sizes, in turn, each with no more of the mel than covers it. */
async function native(
  engine: Engine,
  convention: MelConvention,
  settings: Settings,
  { mel, start }: ReturnType<typeof unrefined>,
  sizes: readonly number[],
): Promise<Float32Array> {
  const { hop } = convention
  const lag = refinementLookAhead(convention, settings.iterations) + hop
  return inPieces(engine.openRefinement!(convention, settings), hop, { mel, start }, sizes, { lag, ahead: 0 })
}

async function inPieces(
  stream: FrameStream,
  hop: number,
  { mel, start }: ReturnType<typeof unrefined>,
  sizes: readonly number[],
  { lag, ahead }: { readonly lag: number; readonly ahead: number },
): Promise<Float32Array> {
  const pieces: Float32Array[] = []
  let [fed, told, given] = [0, 0, 0]
  for (let i = 0; fed < start.length; i++) {
    const end = Math.min(start.length, fed + sizes[i % sizes.length]!)
    const covered = Math.min(mel.frames, Math.ceil(end / hop) + ahead)
    stream.pushMel(sliceMel(mel, told, covered))
    told = covered
    const piece = await stream.push(start.subarray(fed, end), false)
    pieces.push(piece)
    given += piece.length
    fed = end
    assert.ok(given >= fed - lag, `${given} of ${fed}`)
  }
  stream.pushMel(sliceMel(mel, told, mel.frames))
  pieces.push(await stream.push(new Float32Array(0), true))
  stream.dispose()
  return concatenateAudio(pieces)
}

/** The sign of a NaN says nothing. */
const withOneNaN = (samples: Float32Array) => samples.map(x => (Number.isNaN(x) ? Number.NaN : x))

const correctable = conventions.filter(convention => correctionObstacle(convention) === null)

/** Clips as long as their mel and shorter, in pieces, against the readable version. */
async function compareCorrections(engine: Engine, clips: readonly (readonly [number, number, number, number])[]) {
  for (const convention of correctable) {
    const { hop } = convention
    for (const [most, passes, iterations, relaxation] of clips) {
      const frames = framesIn(convention, most)
      const { mel, start } = clipOf(convention, frames)
      for (const shorter of [0, 1, hop]) {
        const clip = { mel, start: start.subarray(0, Math.max(0, start.length - shorter)) }
        const settings = { passes, iterations, relaxation }
        const correction = new MelCorrection(convention, settings)
        const key = JSON.stringify([convention, settings, frames, shorter])
        const expected = expectedCorrection(key, () => correction.correct(clip.start, mel))
        for (const sizes of [[clip.start.length], [3 * hop, 1, 11 * hop + 5], [40 * hop - 1, hop]]) {
          const stream = engine.openCorrection!(convention, settings)
          const found = await inPieces(stream, hop, clip, sizes, { lag: correction.lag, ahead: 1 })
          const what = `hop ${hop}, ${frames} frames less ${shorter}, ${passes} passes, pieces of ${sizes}`
          assert.deepEqual(found, expected, what)
        }
      }
    }
  }
}

/** Every instruction set, and every number of threads on one of them: how work is shared depends on no set. */
const runs = [...sets.map(set => [set, 2] as const), [sets[0], 1], [sets[0], 3]] as const

describe('native correction towards a mel', () => {
  for (const [set, threads] of runs) {
    test(`${set}, threads ${threads}: gives the bytes of the TypeScript version, in any pieces`, async () => {
      const clips = [
        [1, 1, 1, 1],
        [2, 2, 5, 1.9],
        [20, 3, 0, 1.7],
        [50, 2, 2, 1.7],
      ] as const
      await compareCorrections(await engineOf(set, threads), clips)
    })
  }

  test('gives the bytes of the TypeScript version for silence and for NaN', async () => {
    const engine = await engineOf()
    const clip = unrefined(tacotron2, 20)
    const settings = { passes: 2, iterations: 5, relaxation: 1.7 }
    const broken = clip.start.map((z, i) => (i === 3000 ? Number.NaN : z))
    for (const start of [new Float32Array(clip.start.length), broken]) {
      const correction = new MelCorrection(tacotron2, settings)
      const stream = engine.openCorrection!(tacotron2, settings)
      const limits = { lag: correction.lag, ahead: 1 }
      const found = await inPieces(stream, tacotron2.hop, { ...clip, start }, [4000], limits)
      assert.deepEqual(withOneNaN(found), withOneNaN(correction.correct(start, clip.mel)))
    }
  })

  test('stops on a signal and cannot be used afterwards', async () => {
    const { mel, start } = unrefined(tacotron2, 2000)
    const correction = (await engineOf()).openCorrection!(tacotron2, { passes: 64, iterations: 5, relaxation: 1 })
    correction.pushMel(mel)
    const controller = new AbortController()
    const pushed = correction.push(start, true, controller.signal)
    setTimeout(() => controller.abort(), 20)
    await assert.rejects(pushed, code('ABORTED'))
    await assert.rejects(correction.push(start, true), code('DISPOSED'))
  })
})

describe('native phase refinement', () => {
  for (const [set, threads] of runs) {
    test(`${set}, threads ${threads}: gives the bytes of the TypeScript version, in any pieces`, async () => {
      const engine = await engineOf(set, threads)
      for (const convention of conventions) {
        for (const [most, iterations, momentum, relaxation] of [
          [1, 1, 0, 1],
          [2, 4, 0.99, 1.7],
          [20, 5, 0.5, 1],
          [50, 2, 0.99, 1.8],
        ] as const) {
          const frames = framesIn(convention, most)
          const clip = clipOf(convention, frames)
          const settings = { iterations, momentum, relaxation }
          const key = JSON.stringify([convention, settings, frames])
          const expected = expectedRefinement(key, () => readable(convention, settings, clip.mel, clip.start))
          const { hop } = convention
          for (const sizes of [[clip.start.length], [3 * hop, 1, 11 * hop + 5], [40 * hop - 1, hop]]) {
            const found = await native(engine, convention, settings, clip, sizes)
            const what = `${convention.name}, hop ${hop}, ${frames} frames, pieces of ${sizes}`
            assert.deepEqual(found, expected, what)
          }
        }
      }
    })
  }

  test('gives the bytes of the TypeScript version for silence and for NaN', async () => {
    const engine = await engineOf()
    const clip = unrefined(tacotron2, 20)
    const settings = { iterations: 3, momentum: 0.99, relaxation: 1.7 }
    const broken = clip.start.map((z, i) => (i === 3000 ? Number.NaN : z))
    for (const start of [new Float32Array(clip.start.length), broken]) {
      const expected = readable(tacotron2, settings, clip.mel, start)
      const found = await native(engine, tacotron2, settings, { ...clip, start }, [4000])
      assert.deepEqual(withOneNaN(found), withOneNaN(expected))
    }
  })

  test('returns no samples for no audio', async () => {
    const refinement = (await engineOf()).openRefinement!(tacotron2, { iterations: 2, momentum: 0.99, relaxation: 1 })
    assert.equal((await refinement.push(new Float32Array(0), true)).length, 0)
  })

  test('stops on a signal and cannot be used afterwards', async () => {
    const { mel, start } = unrefined(tacotron2, 2000)
    const refinement = (await engineOf()).openRefinement!(tacotron2, { iterations: 32, momentum: 0.99, relaxation: 1 })
    refinement.pushMel(mel)
    const controller = new AbortController()
    const pushed = refinement.push(start, true, controller.signal)
    setTimeout(() => controller.abort(), 20)
    await assert.rejects(pushed, code('ABORTED'))
    await assert.rejects(refinement.push(start, true), code('DISPOSED'))
  })

  test('is refused by a disposed engine', async () => {
    const engine = await engineOf()
    const settings = { iterations: 2, momentum: 0.99, relaxation: 1 }
    const refinement = engine.openRefinement!(tacotron2, settings)
    await engine.dispose()
    await assert.rejects(refinement.push(new Float32Array(8), false), code('DISPOSED'))
    assert.throws(() => engine.openRefinement!(tacotron2, settings), code('DISPOSED'))
  })

  test('refuses shapes and sizes that do not fit', async () => {
    const addon = loadAddon()
    const shape = {
      ...{ operation: 'refine' as const, stages: 1, updates: 1 },
      ...{ size: 16, hop: 4, bands: 1, momentum: 0.5, relaxation: 1, padding: 8, squared: false, unit: 1 },
      ...{ window: new Float64Array(16), roots: new Float64Array(32), columnSums: new Float64Array(9) },
      ...{ filters: Float64Array.of(1, 2), weights: new Float64Array(2) },
    }
    const handle = addon.create(engineRequest(network, sets[0]!))
    for (const wrong of [
      { size: 24 },
      { size: 2 ** 20 },
      { hop: 17 },
      { hop: 0 },
      { bands: 2 },
      { operation: 'repair' as 'refine' },
      { stages: 0 },
      { updates: -1 },
      { padding: 9 },
      { window: new Float64Array(15) },
      { roots: new Float64Array(31) },
      { columnSums: new Float32Array(9) as unknown as Float64Array },
      { filters: Float64Array.of(8, 2) },
      { filters: Float64Array.of(-1, 2) },
      { filters: Float64Array.of(Number.NaN, 2) },
      { weights: new Float64Array(3) },
    ]) {
      assert.throws(() => addon.openFrameChain(handle, { ...shape, ...wrong }), JSON.stringify(wrong))
    }
    const refinement = addon.openFrameChain(handle, shape)
    const cancelled = new Uint8Array(1)
    const audio = new Float32Array(8)
    const work = { audio, last: true, targets: new Float64Array(2), prediction: new Float32Array(8), cancelled }
    for (const wrong of [{ targets: new Float64Array(3) }, { prediction: new Float32Array(7) }]) {
      const other = addon.openFrameChain(handle, shape)
      assert.equal(await addon.pushFrameChain(handle, other, { ...work, ...wrong }), addon.constants()['refused'])
      assert.throws(() => addon.pushFrameChain(handle, other, work), /ended/)
    }
    assert.equal(await addon.pushFrameChain(handle, refinement, work), 8)
    // A correction may end with a frame whose middle is the clip's end.
    for (const [frames, result] of [
      [0, addon.constants()['refused']],
      [1, 8],
      [2, 8],
      [3, 8],
      [4, addon.constants()['refused']],
    ] as const) {
      const correction = addon.openFrameChain(handle, { ...shape, operation: 'correct' })
      const found = await addon.pushFrameChain(handle, correction, { ...work, targets: new Float64Array(frames) })
      assert.equal(found, result, `${frames} frames`)
    }
    await addon.dispose(handle)
  })
})

describe('phase refinement and correction in WebAssembly', () => {
  for (const instructionSet of surveyWasm().instructionSets) {
    test(`${instructionSet}: give the bytes of the TypeScript version, in any pieces`, async () => {
      const engine = await createWasmEngine({ network, parameters, instructionSet, threads: 2 })
      engines.push(engine)
      for (const convention of conventions) {
        const clip = clipOf(convention, 20)
        const settings = { iterations: 3, momentum: 0.99, relaxation: 1.7 }
        const key = JSON.stringify([convention, settings, 20])
        const expected = expectedRefinement(key, () => readable(convention, settings, clip.mel, clip.start))
        const { hop } = convention
        for (const sizes of [[clip.start.length], [3 * hop, 1, 11 * hop + 5]]) {
          assert.deepEqual(await native(engine, convention, settings, clip, sizes), expected)
        }
      }
      await compareCorrections(engine, [[20, 2, 5, 1.7]])
    })
  }
})
