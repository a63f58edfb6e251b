/** The native memory of a stream does not grow with its length, and an engine that only predicts takes little. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { melConventionSchema } from '#src/audio/mel/convention'
import type { Engine } from '#src/engines/engine'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { loadAddon } from '#src/engines/native/load-addon'
import { networkSchema } from '#src/model/network'
import { randomParameters } from '../../support/parameters.js'
import { engineRequest } from './engine-request.js'

const { available, instructionSets } = surveyNative()
const BANDS = 80
const HOP = 64
const FRAMES_PER_PIECE = 2000
const MEGABYTE = 2 ** 20
const WARM_UP = 20_000
/** The mel of the frames since `WARM_UP` takes 43 MB. */
const LONG = 160_000
/** How much a stream may grow meanwhile. Measured: up to 12. */
const MOST = 25 * MEGABYTE

const conditioners = {
  'a mel at the frame rate': { kind: 'frame-rate', bands: BANDS, hop: HOP },
  'an encoded mel': { kind: 'frame-rate', bands: BANDS, hop: HOP, encoder: [16, 16] },
  'an upsampled mel': { kind: 'transposed', bands: BANDS, strides: [HOP] },
} as const

/** Resident memory after `WARM_UP` and after `LONG` frames of one stream of two passes. */
async function memoryOf(engine: Engine): Promise<{ readonly early: number; readonly late: number }> {
  const stream = engine.openStream({ steps: [3, 1] })
  const data = new Float32Array(BANDS * FRAMES_PER_PIECE).fill(0.1)
  const audio = new Float32Array(HOP * FRAMES_PER_PIECE).fill(0.1)
  const padding = { data: data.subarray(0, BANDS * 8), bands: BANDS, frames: 8 }
  stream.pushMel(padding, false)
  let early = 0
  for (let frames = FRAMES_PER_PIECE; frames <= LONG; frames += FRAMES_PER_PIECE) {
    stream.pushMel({ data, bands: BANDS, frames: FRAMES_PER_PIECE }, false)
    await stream.predict(0, audio, false)
    await stream.predict(1, audio, false)
    if (frames === WARM_UP) early = process.memoryUsage.rss()
  }
  const late = process.memoryUsage.rss()
  stream.dispose()
  return { early, late }
}

const convention = melConventionSchema.parse({
  sampleRate: 22050,
  fftSize: 64,
  windowLength: 64,
  hop: HOP,
  framing: 'centre',
  power: 1,
  bands: BANDS,
  melScale: 'slaney',
  filterNorm: 'none',
  minFrequency: 0,
  maxFrequency: 11025,
  logarithm: 'ln',
  floor: 1e-5,
})

test('the matrices of windows are made for training alone', { skip: !available }, () => {
  // They take 134 MB, and a second.
  const frontEnd = { kind: 'windows', kernel: 4096, stride: 1024, bins: 2049 } as const
  const network = networkSchema.parse({ channels: 1, layers: 1, dilationCycle: 1, frontEnd })
  const before = process.memoryUsage.rss()
  const engine = loadAddon().create(engineRequest(network, instructionSets[0]!))
  const grown = process.memoryUsage.rss() - before
  assert.ok(grown < MOST, `it grew by ${grown / MEGABYTE} MB`)
  loadAddon().dispose(engine)
})

describe('the memory of a long stream does not grow', { skip: !available }, () => {
  test('with windows and an envelope', async () => {
    const network = networkSchema.parse({
      channels: 1,
      layers: 2,
      dilationCycle: 2,
      frontEnd: { kind: 'windows', kernel: 64, stride: 16, bins: 20, envelope: { iterations: 1 } },
      mel: conditioners['a mel at the frame rate'],
    })
    const parameters = randomParameters(network, 1)
    const engine = await createNativeEngine({ network, parameters, convention, threads: 1 })
    const { early, late } = await memoryOf(engine)
    assert.ok(late - early < MOST, `it grew by ${((late - early) / MEGABYTE).toFixed(0)} MB`)
    await engine.dispose()
  })

  for (const [name, mel] of Object.entries(conditioners)) {
    test(`with ${name}`, async () => {
      const network = networkSchema.parse({ channels: 1, layers: 2, dilationCycle: 2, patch: HOP, mel })
      const engine = await createNativeEngine({ network, parameters: randomParameters(network, 1), threads: 1 })
      const { early, late } = await memoryOf(engine)
      assert.ok(late - early < MOST, `it grew by ${((late - early) / MEGABYTE).toFixed(0)} MB`)
      await engine.dispose()
    })
  }
})
