/** Denoising of a Gaussian process, for which the best answer is known. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import { alphaBarAt, noiseSchedule } from '#src/diffusion/schedule'
import { Generator } from '#src/generator'
import { alphaBarOfNoise } from '#src/repair/noise-level'
import { Vocoder } from '#src/vocoder'
import { smallGeneratorConfig, smallStepEmbedding, smallVocoderConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'
import { audio, generator, recording, scaledGenerator, training } from '../support/gaussian-recordings.js'
import { bytesInUse } from '../support/memory.js'
import { relativeError } from '../support/numbers.js'

const deviation = 0.2
const correlation = 0.98
const clean = recording(0)
const hiss = gaussian(8, 0, 0, 300)
const noisy = clean.map((x, i) => x + 0.1 * hiss[i]!)

/** The Wiener filter C·(C + s²·I)⁻¹·y, by conjugate gradients. C has the elements deviation²·correlation^|i − j|. */
function wiener(y: Float32Array, s: number): Float32Array {
  const powers = Array.from(y, (_, lag) => deviation ** 2 * correlation ** lag)
  const covariance = (v: ArrayLike<number>) =>
    Float64Array.from(y, (_, i) => powers.reduce((sum, _, j) => sum + powers[Math.abs(i - j)]! * v[j]!, 0))
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
  const solution = new Float64Array(y.length)
  const rest = Float64Array.from(y)
  let direction = rest.slice()
  for (let iteration = 0; iteration < 100; iteration++) {
    const image = covariance(direction).map((x, i) => x + s ** 2 * direction[i]!)
    const before = dot(rest, rest)
    const step = before / dot(direction, image)
    for (const i of solution.keys()) {
      solution[i]! += step * direction[i]!
      rest[i]! -= step * image[i]!
    }
    const share = dot(rest, rest) / before
    direction = direction.map((x, i) => rest[i]! + share * x)
  }
  return Float32Array.from(covariance(solution))
}

describe('denoise', () => {
  test('equals the Wiener filter in one step, and is nearly as good in more', async () => {
    const one = await generator.denoise(audio(noisy), { noise: 0.1, steps: 1, seed: 1 })
    const own = relativeError(noisy, clean)
    const error = relativeError(one.samples, wiener(noisy, 0.1))
    assert.ok(error < 1e-3, String(error))
    assert.ok(relativeError(one.samples, clean) < 0.5 * own, `${relativeError(one.samples, clean)} of ${own}`)
    for (const sampler of ['ddpm', 'ddim', 'dpm-solver++'] as const) {
      const made = await generator.denoise(audio(noisy), { noise: 0.1, sampler, seed: 1 })
      assert.ok(relativeError(made.samples, clean) < 0.7 * own, `${sampler} ${relativeError(made.samples, clean)}`)
      assert.equal(made.samples.length, 300)
      assert.equal(made.steps, 6)
    }
  })

  test('starts at the training step with the same noise, given as noise, step or SNR', async () => {
    const one = await generator.denoise(audio(noisy), { noise: 0.1, steps: 1, seed: 1 })
    // The step is where training is as noisy, and giving the step is the same as giving the noise.
    const schedule = noiseSchedule(training)
    assert.ok(Math.abs(alphaBarAt(schedule, one.step) - alphaBarOfNoise(0.1)) < 1e-6)
    const again = await generator.denoise(audio(noisy), { step: one.step, steps: 1, seed: 1 })
    assert.ok(relativeError(again.samples, one.samples) < 1e-5)
    assert.ok(Math.abs(again.noise - 0.1) < 1e-6)
    const ratio = 20 * Math.log10(deviation / 0.1)
    const byRatio = await generator.denoise(audio(noisy), { snr: ratio, seed: 1 })
    assert.ok(Math.abs(Math.log(byRatio.noise / 0.1)) < 0.3, String(byRatio.noise))
  })

  test('finds the same level for a model with a signal scale', async () => {
    const options = { noise: 0.1, steps: 1, seed: 1 }
    const [plain, high] = [
      await generator.denoise(audio(noisy), options),
      await scaledGenerator.denoise(audio(noisy), options),
    ]
    assert.ok(relativeError(high.samples, plain.samples) < 1e-4)
    assert.ok(high.step > plain.step)
    const again = await scaledGenerator.denoise(audio(noisy), { step: high.step, steps: 1, seed: 1 })
    assert.ok(Math.abs(again.noise - 0.1) < 1e-6)
  })

  test('starts at the cleanest level if the recording is cleaner than all levels', async () => {
    const made = await generator.denoise(audio(clean), { noise: 1e-6, seed: 1 })
    assert.equal(made.step, 0)
    assert.ok(relativeError(made.samples, clean) < 0.1)
  })

  test('resamples recordings of another rate', async () => {
    const fast = gaussian(3, 0, 0, 480).map(x => x / 10)
    assert.equal((await generator.denoise(audio(fast, 16_000), { noise: 0.1, seed: 1 })).samples.length, 240)
  })

  test('takes a recording of any rate as it is when it is called', async () => {
    for (const rate of [8000, 16_000]) {
      const denoised = async (overwrite: boolean) => {
        const samples = recording(0)
        const pending = generator.denoise(audio(samples, rate), { noise: 0.1, seed: 1 })
        if (overwrite) samples.fill(0.5)
        return (await pending).samples
      }
      assert.deepEqual(await denoised(true), await denoised(false))
    }
  })
})

test('denoise keeps only a copy of a long recording and the result in memory', async () => {
  const gains = Array.from({ length: 64 }, (_, band) => 1 + band / 8)
  const subbands = new Generator(
    fakeModel(
      smallGeneratorConfig({
        network: { stepEmbedding: smallStepEmbedding, channels: 4, layers: 2, dilationCycle: 2, patch: 64 },
        diffusion: {
          training: { kind: 'cosine', steps: 100 },
          prediction: 'x0',
          clamp: false,
          subbands: { kind: 'mdct', gains },
        },
      }),
    ),
  )
  const samples = new Float32Array(2 ** 20).fill(0.01)
  const before = await bytesInUse()
  let within = 0
  await subbands.denoise(audio(samples), {
    ...{ noise: 0.1, steps: 1, seed: 1 },
    onProgress: async ({ done, total }) => {
      if (within === 0 && done > total! / 2) within = (await bytesInUse()) - before
    },
  })
  const copies = within / samples.byteLength
  assert.ok(copies > 1.9 && copies < 2.5, `${copies} times the recording`)
})

describe('denoise refuses', () => {
  test('recordings noisier than all levels', async () => {
    const narrow = new Generator(
      fakeModel(
        smallGeneratorConfig({
          diffusion: { training: { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 } },
        }),
      ),
    )
    await assert.rejects(narrow.denoise(audio(clean), { noise: 3 }), { code: 'BAD_OPTION', message: /noisier/ })
  })

  test('options and recordings that do not fit', async () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{ noise: 0.1, snr: 10 }, 'BAD_OPTION'],
      [{ noise: 0 }, 'BAD_OPTION'],
      [{ step: 100 }, 'BAD_OPTION'],
      [{ step: -1 }, 'BAD_OPTION'],
      [{ steps: 'fast' }, 'BAD_OPTION'],
      [{ label: 'cymbal' }, 'UNKNOWN_LABEL'],
      [{ signal: AbortSignal.abort() }, 'ABORTED'],
    ]
    for (const [options, code] of wrong) {
      await assert.rejects(generator.denoise(audio(noisy), options), { code }, JSON.stringify(options))
    }
    await assert.rejects(generator.denoise(audio(new Float32Array(0))), { code: 'BAD_AUDIO' })
    await assert.rejects(generator.denoise(audio(Float32Array.of(Number.NaN))), { code: 'NOT_FINITE' })
    // One sample at 48 kHz is none at 8 kHz.
    await assert.rejects(generator.denoise(audio(Float32Array.of(0.1), 48_000), { noise: 0.1 }), { code: 'BAD_AUDIO' })
  })

  test('vocoders', () => {
    assert.throws(() => new Generator(fakeModel(smallVocoderConfig())), { code: 'BAD_CONFIG' })
    assert.ok(!('denoise' in Vocoder.prototype))
  })
})
