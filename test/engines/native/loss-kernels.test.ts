/** The native loss kernels give the bytes of the TypeScript versions. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { type Mel, melConventionSchema, namedConventions } from '#src/audio/mel/convention'
import { MelCorrection } from '#src/audio/mel/correction'
import { gaussian } from '#src/core/random'
import type { Engine } from '#src/engines/engine'
import type { LossKernels, SpectralTerm } from '#src/engines/loss-kernels'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { magnitudeTerm } from '#src/training/objective/magnitude-distance'
import { ReadableTerms } from '#src/training/objective/spectral-term'
import { errorTerm, phaseTerm } from '#src/training/objective/time-frequency-loss'
import { initialParameters } from '#src/training/optimiser/initialise'
import { smallGeneratorConfig } from '../../support/configs.js'
import { code } from '../../support/errors.js'

const sets = surveyNative().instructionSets.filter(set => set !== 'scalar')
const { network } = smallGeneratorConfig()
const engines: Engine[] = []
after(() => Promise.all(engines.map(engine => engine.dispose())))

async function engineOf(instructionSet = sets[0]!, threads = 2): Promise<Engine> {
  const parameters = initialParameters(network, 1)
  const engine = await createNativeEngine({ network, parameters, instructionSet, threads })
  engines.push(engine)
  return engine
}

/** What `body` returns of the kernels that a batch's gradients come with. */
async function within<Result>(
  engine: Engine,
  body: (kernels: LossKernels) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const results: Result[] = []
  await engine.backward({
    audio: [gaussian(1, 0, 0, 24)],
    steps: [1],
    labels: [null],
    ...(signal === undefined ? {} : { signal }),
    gradientOf: async (outputs, kernels) => {
      results.push(await body(kernels!))
      return outputs
    },
  })
  return results[0]!
}

const RATE = 22_050
const readable = new ReadableTerms()

function terms(samples: number): SpectralTerm[] {
  const made = gaussian(2, 0, 0, samples).map(z => 0.1 * z)
  const wanted = made.map((x, n) => 0.5 * x + 0.2 * Math.sin(n / 9))
  // Silence, and samples that are the same.
  wanted.fill(0, 0, samples >> 3)
  wanted.set(made.subarray(0, samples >> 4))
  const compared = (limit: number, weight: number) => ({ made, wanted, limit, weight })
  return [
    errorTerm(compared(8000, 1), RATE),
    errorTerm(compared(11_025, 0.3), RATE),
    phaseTerm(compared(4000, 2), RATE, sample => sample % 1000 < 700),
    phaseTerm(compared(4000, 2), RATE, () => false),
    ...[16, 256, 512, 2048].flatMap(size => [
      magnitudeTerm(size, compared(8000, 0.25), RATE),
      magnitudeTerm(size, compared(11_025, -1), RATE),
    ]),
  ]
}

describe('spectral loss terms in native code', () => {
  for (const set of sets) {
    test(`have the bytes of the TypeScript version with ${set}`, async () => {
      const engine = await engineOf(set)
      for (const samples of [0, 1, 300, 2500, 8191]) {
        const given = terms(samples)
        const found = await within(engine, kernels => kernels.terms(given))
        assert.deepEqual(
          found,
          given.map(term => readable.sums(term)),
          `${samples} samples`,
        )
      }
    })
  }

  test('have no gradient with a weight of 0, whatever the audio is', async () => {
    const silence = new Float32Array(2000)
    const compared = { made: silence, wanted: silence, limit: 8000, weight: 0 }
    // The gradient would be 0 times infinity.
    const given = [{ ...magnitudeTerm(256, compared, RATE), softest: 0 }, ...terms(2000)].map(term => ({
      ...term,
      weight: 0,
    }))
    const found = await within(await engineOf(), kernels => kernels.terms(given))
    assert.deepEqual(
      found,
      given.map(term => readable.sums(term)),
    )
  })

  test('do not depend on the number of threads', async () => {
    const given = terms(5000)
    const [one, three] = await Promise.all(
      [1, 3].map(async threads => within(await engineOf(sets[0]!, threads), kernels => kernels.terms(given))),
    )
    assert.deepEqual(one, three)
  })

  test('can also be computed outside a batch, with the same bytes', async () => {
    const engine = await engineOf()
    const given = terms(2500)
    const found = await Promise.all([engine.spectralTerms!(given), engine.spectralTerms!(given)])
    const expected = given.map(term => readable.sums(term))
    assert.deepEqual(found, [expected, expected])
    await engine.dispose()
    await assert.rejects(engine.spectralTerms!(given), code('DISPOSED'))
  })

  test('stop with the batch on an abort', async () => {
    const controller = new AbortController()
    const work = within(
      await engineOf(),
      kernels => {
        controller.abort()
        return kernels.terms(terms(8000))
      },
      controller.signal,
    )
    await assert.rejects(work, code('ABORTED'))
  })
})

describe('the correction and its gradient in native code', () => {
  const { tacotron2 } = namedConventions
  const small = { ...tacotron2, fftSize: 64, windowLength: 64, hop: 16, bands: 8 }
  const conventions = [tacotron2, small, { ...small, hop: 24 }].map(given => melConventionSchema.parse(given))
  const settings = { passes: 2, iterations: 3, relaxation: 1.7 }

  for (const set of sets) {
    test(`have the bytes of the TypeScript version with ${set}`, async () => {
      const engine = await engineOf(set)
      for (const convention of conventions) {
        const { bands, hop } = convention
        const correction = new MelCorrection(convention, settings)
        // A clip that ends with its mel, one that ends before, and a single frame.
        const lengths = [12 * hop, 9 * hop + 5, hop]
        const audio = lengths.map((length, i) => gaussian(3, i, 0, length).map(z => 0.1 * z))
        audio[0]!.fill(0, 2 * hop, 8 * hop)
        const mels = lengths.map((length, i): Mel => {
          const frames = Math.ceil(length / hop)
          return { data: gaussian(4, i, 0, bands * frames).map(z => z - 4), bands, frames }
        })
        const byResult = lengths.map((length, i) => gaussian(5, i, 0, length))
        const found = await within(engine, async kernels => {
          const corrected = await kernels.correct(convention, settings, audio, mels)
          return { audio: corrected.audio, gradients: await corrected.gradients(byResult) }
        })
        assert.deepEqual(found, {
          audio: audio.map((clip, i) => correction.correct(clip, mels[i]!)),
          gradients: audio.map((clip, i) => correction.gradient(clip, mels[i]!, byResult[i]!)),
        })
      }
    })
  }
})
