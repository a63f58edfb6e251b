/** Denoising and interpolation on a Gaussian process, of which the best answers are known. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { alphaBarAt } from '#src/diffusion/forward'
import { noiseSchedule } from '#src/diffusion/schedule'
import { Generator } from '#src/generator'
import { mixLatents } from '#src/repair/mix-latents'
import { alphaBarOfNoise, estimateNoise, noiseOfRatio } from '#src/repair/noise-level'
import { Vocoder } from '#src/vocoder'
import { smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'
import { gaussianModel } from '../support/gaussian-engine.js'
import { relativeError } from '../support/numbers.js'

const RATE = 8000
const deviation = 0.2
const diffusion = { training: { kind: 'cosine', steps: 100 }, defaultSteps: 6 } as const
const generator = new Generator(gaussianModel(smallGeneratorConfig({ diffusion }), { deviation, correlation: 0.98 }))
const audio = (samples: Float32Array, sampleRate = RATE) => ({ samples, sampleRate })

function process(draw: number): Float32Array {
  const drive = gaussian(7, draw, 0, 300)
  const samples = drive.map(z => deviation * z)
  for (let i = 1; i < samples.length; i++) {
    samples[i] = 0.98 * samples[i - 1]! + deviation * Math.sqrt(1 - 0.98 ** 2) * drive[i]!
  }
  return samples
}
const clean = process(0)
const hiss = gaussian(8, 0, 0, 300)
const noisy = clean.map((x, i) => x + 0.1 * hiss[i]!)

test('√ᾱ·y is audio at the level ᾱ = 1/(1 + s²): one step from there is the Wiener filter, more are nearly as good', async () => {
  const one = await generator.denoise(audio(noisy), { noise: 0.1, steps: 1, seed: 1 })
  const own = relativeError(noisy, clean)
  // The Wiener gain of this process at this noise: 4 % of the noise's power pass, and some of the signal stays behind.
  assert.ok(relativeError(one.samples, clean) < 0.5 * own, `${relativeError(one.samples, clean)} of ${own}`)
  for (const sampler of ['ddpm', 'ddim', 'dpm-solver++'] as const) {
    const made = await generator.denoise(audio(noisy), { noise: 0.1, sampler, seed: 1 })
    assert.ok(relativeError(made.samples, clean) < 0.7 * own, `${sampler} ${relativeError(made.samples, clean)}`)
    assert.equal(made.samples.length, 300)
    assert.equal(made.steps, 6)
  }
  // The step is where training is as noisy, and giving the step is the same as giving the noise.
  const training = noiseSchedule({ ...diffusion.training, offset: 0.008, maxBeta: 0.999 })
  assert.ok(Math.abs(alphaBarAt(training, one.step) - alphaBarOfNoise(0.1)) < 1e-6)
  const again = await generator.denoise(audio(noisy), { step: one.step, steps: 1, seed: 1 })
  assert.ok(relativeError(again.samples, one.samples) < 1e-5)
  assert.ok(Math.abs(again.noise - 0.1) < 1e-6)
  const ratio = 20 * Math.log10(deviation / 0.1)
  const byRatio = await generator.denoise(audio(noisy), { snr: ratio, seed: 1 })
  assert.ok(Math.abs(Math.log(byRatio.noise / 0.1)) < 0.3, String(byRatio.noise))
})

test('a model that lifts the signal finds the same level in its own terms', async () => {
  const lifted = new Generator(
    gaussianModel(smallGeneratorConfig({ diffusion: { ...diffusion, signalScale: 5, clamp: false } }), {
      deviation: 5 * deviation,
      correlation: 0.98,
    }),
  )
  const options = { noise: 0.1, steps: 1, seed: 1 }
  const [plain, high] = [await generator.denoise(audio(noisy), options), await lifted.denoise(audio(noisy), options)]
  assert.ok(relativeError(high.samples, plain.samples) < 1e-4)
  assert.ok(high.step > plain.step)
  const again = await lifted.denoise(audio(noisy), { step: high.step, steps: 1, seed: 1 })
  assert.ok(Math.abs(again.noise - 0.1) < 1e-6)
  const mixed = await lifted.interpolate(audio(clean), audio(clean), { step: 1, seed: 1, sampler: 'ddim' })
  assert.ok(relativeError(mixed.samples, clean) < 0.1)
})

test('the noise of a recording is read off its pauses', () => {
  const noise = gaussian(2, 0, 0, 16_000).map(z => 0.01 * z)
  // Bursts of a tone, half of the time.
  const samples = noise.map((z, i) => z + (i % 4000 < 2000 ? 0.3 * Math.sin(i / 5) : 0))
  assert.ok(Math.abs(estimateNoise(samples, 16_000) / 0.01 - 1) < 0.1, String(estimateNoise(samples, 16_000)))
  assert.equal(estimateNoise(Float32Array.of(0.5), 16_000), 0.5)
  assert.equal(estimateNoise(new Float32Array(4000), 16_000), 0)
  // Of coloured noise only what could be white: a first-order low-pass with a pole at 0.9 has a flatness of 1 − 0.81.
  const dull = noise.slice()
  for (let i = 1; i < dull.length; i++) dull[i] = 0.9 * dull[i - 1]! + noise[i]!
  assert.ok(Math.abs(estimateNoise(dull, 16_000) / 0.01 - 1) < 0.2, String(estimateNoise(dull, 16_000)))
  assert.ok(Math.abs(noiseOfRatio(noise, 0) - 0.01 / Math.SQRT2) < 1e-4)
  assert.throws(() => estimateNoise(new Float32Array(0), 16_000), { code: 'BAD_AUDIO' })
})

test('a recording cleaner than any level starts at the cleanest; a noisier one than any is refused', async () => {
  const made = await generator.denoise(audio(clean), { noise: 1e-6, seed: 1 })
  assert.equal(made.step, 0)
  assert.ok(relativeError(made.samples, clean) < 0.1)
  const narrow = new Generator(
    fakeModel(
      smallGeneratorConfig({ diffusion: { training: { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 } } }),
    ),
  )
  await assert.rejects(narrow.denoise(audio(clean), { noise: 3 }), { code: 'BAD_OPTION', message: /noisier/ })
})

test('mixed at any share, a latent is as noisy as its level; at the ends it is one recording’s alone', () => {
  const silence = new Float32Array(20_000)
  const other = gaussian(4, 1, 0, 20_000)
  const fresh = gaussian(4, 0, 0, 20_000)
  for (const mix of [0, 0.3, 0.5, 1]) {
    const x = mixLatents(silence, silence, 0.4, mix, (start, count) => other.subarray(start, start + count))(fresh, 0)
    const variance = x.reduce((sum, v) => sum + v * v, 0) / x.length
    assert.ok(Math.abs(variance / 0.6 - 1) < 0.05, `${mix}: ${variance}`)
  }
  const b = gaussian(4, 2, 0, 50)
  const x = mixLatents(silence, b, 0.4, 1, (start, count) => other.subarray(start, start + count))(
    fresh.subarray(7, 57),
    7,
  )
  x.forEach((v, i) => {
    assert.ok(Math.abs(v - (Math.sqrt(0.4) * (b[7 + i] ?? 0) + Math.sqrt(0.6) * other[7 + i]!)) < 1e-6)
  })
})

test('interpolation at an early step is the mean of both, at its ends it is each of them', async () => {
  const second = process(1)
  const options = { step: 1, seed: 1, sampler: 'ddim' } as const
  const between = async (mix: number, more: object = {}) =>
    (await generator.interpolate(audio(clean), audio(second), { ...options, mix, ...more })).samples
  assert.ok(relativeError(await between(0), clean) < 0.2)
  assert.ok(relativeError(await between(1), second) < 0.25)
  const mean = clean.map((x, i) => (x + second[i]!) / 2)
  assert.ok(relativeError(await between(0.5), mean) < 0.3, String(relativeError(await between(0.5), mean)))
  // Late, little of either is left.
  assert.ok(relativeError(await between(0.5, { step: 95 }), mean) > 0.5)
  const { step } = await generator.interpolate(audio(clean), audio(second), { seed: 1 })
  const training = noiseSchedule({ ...diffusion.training, offset: 0.008, maxBeta: 0.999 })
  assert.ok(Math.abs(alphaBarAt(training, step) - 0.5) < 1e-6)
  assert.deepEqual(await between(0.5), await between(0.5))
})

test('recordings at another rate are resampled; what does not fit is refused', async () => {
  const fast = gaussian(3, 0, 0, 480).map(x => x / 10)
  assert.equal((await generator.denoise(audio(fast, 16_000), { noise: 0.1, seed: 1 })).samples.length, 240)
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
  await assert.rejects(generator.interpolate(audio(clean), audio(clean.slice(1))), { code: 'BAD_AUDIO' })
  await assert.rejects(generator.interpolate(audio(clean), audio(clean), { mix: 2 }), { code: 'BAD_OPTION' })
  assert.throws(() => new Generator(fakeModel(smallVocoderConfig())), { code: 'BAD_CONFIG' })
  assert.ok(!('denoise' in Vocoder.prototype))
})
