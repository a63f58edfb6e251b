/** Inpainting of a Gaussian process, for which the right answer is known: the bridge between both sides of the gap. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Progress } from '#src/core/progress'
import { gaussian } from '#src/core/random'
import { Denoiser } from '#src/denoiser/denoiser'
import { loadModel } from '#src/denoiser/load-model'
import { alphaBarAt, noiseSchedule } from '#src/diffusion/schedule'
import { Generator } from '#src/generator'
import { samplerNames } from '#src/model/diffusion-config'
import { receptiveRadius } from '#src/model/network'
import type { InpaintOptions } from '#src/repair/inpainting'
import { Vocoder } from '#src/vocoder'
import { lmntDiffusion, smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'
import { fakeEngine } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'
import { gaussianModel } from '../support/gaussian-engine.js'
import { golden } from '../support/paths.js'

const RATE = 8000
const deviation = 0.2
const correlation = 0.95
const diffusion = { training: { kind: 'cosine', steps: 100 }, defaultSteps: 6 } as const
const generator = new Generator(gaussianModel(smallGeneratorConfig({ diffusion }), { deviation, correlation }))
const lifted = new Generator(
  gaussianModel(smallGeneratorConfig({ diffusion: { ...diffusion, signalScale: 5, clamp: false } }), {
    deviation: 5 * deviation,
    correlation,
  }),
)

/** A recording of the process, drawn from its own definition. */
const recording = (() => {
  const drive = gaussian(7, 0, 0, 200)
  const samples = drive.map(z => deviation * z)
  for (let i = 1; i < samples.length; i++) {
    samples[i] = correlation * samples[i - 1]! + deviation * Math.sqrt(1 - correlation ** 2) * drive[i]!
  }
  return samples
})()
const [from, to] = [100, 110]
const gaps = [{ start: from / RATE, end: to / RATE }]
const inpaint = (options: Partial<InpaintOptions>, samples = recording, by = generator) =>
  by.inpaint({ samples, sampleRate: RATE }, { gaps, ...options })

/** Mean and variance of sample i of the gap, given both neighbours (Doob's bridge of an Ornstein–Uhlenbeck process). */
function bridge(i: number): { readonly mean: number; readonly variance: number } {
  const whole = to - from + 1
  const [left, right] = [i + 1, whole - i - 1].map(steps => correlation ** steps) as [number, number]
  const all = 1 - correlation ** (2 * whole)
  return {
    mean: (left * (1 - right ** 2) * recording[from - 1]! + right * (1 - left ** 2) * recording[to]!) / all,
    variance: (deviation ** 2 * (1 - left ** 2) * (1 - right ** 2)) / all,
  }
}

/** Over many seeds: mean and RMS distance from the bridge's mean, and the size of the steps at the edges. */
async function statistics(options: Partial<InpaintOptions>, runs: number, by = generator) {
  const width = to - from
  const mean = new Float64Array(width)
  let [squares, edges] = [0, 0]
  for (let seed = 0; seed < runs; seed++) {
    const { samples } = await inpaint({ fade: 0, seed, ...options }, recording, by)
    for (let i = 0; i < width; i++) {
      mean[i]! += samples[from + i]! / runs
      squares += (samples[from + i]! - bridge(i).mean) ** 2 / runs / width
    }
    edges += ((samples[from]! - samples[from - 1]!) ** 2 + (samples[to]! - samples[to - 1]!) ** 2) / 2 / runs
  }
  const bias = Math.sqrt(mean.reduce((sum, value, i) => sum + (value - bridge(i).mean) ** 2, 0) / width)
  return { bias, spread: Math.sqrt(squares), edge: Math.sqrt(edges) }
}

const rootMeanSquare = (samples: Float32Array) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)
const differences = (samples: Float32Array) => samples.slice(1).map((x, i) => x - samples[i]!)

describe('a gap in a Gaussian process', () => {
  for (const sampler of samplerNames) {
    test(`is filled by ${sampler} to match both sides, better with more rounds`, async () => {
      const once = await statistics({ sampler, rounds: 1 }, 60)
      const tenTimes = await statistics({ sampler, rounds: 10 }, 60)
      const bridged = Array.from({ length: to - from }, (_, i) => bridge(i).variance)
      const ideal = Math.sqrt(bridged.reduce((a, b) => a + b) / bridged.length)
      const ownStep = deviation * Math.sqrt(2 - 2 * correlation)
      const measured = JSON.stringify({ once, tenTimes, ideal, ownStep })
      assert.ok(tenTimes.bias < 0.6 * once.bias, measured)
      assert.ok(tenTimes.spread > 0.8 * ideal && tenTimes.spread < 1.25 * ideal, measured)
      // The steps into and out of the gap are those that the process itself takes.
      assert.ok(tenTimes.edge > 0.7 * ownStep && tenTimes.edge < 1.3 * ownStep, measured)
    })
  }

  test('is filled as well by a model with a signal scale', async () => {
    const ideal = Math.sqrt(
      Array.from({ length: to - from }, (_, i) => bridge(i).variance).reduce((a, b) => a + b) / (to - from),
    )
    const { bias, spread } = await statistics({ sampler: 'ddim', rounds: 10 }, 60, lifted)
    assert.ok(bias < 0.8 * ideal && spread > 0.8 * ideal && spread < 1.25 * ideal, `${bias}, ${spread} of ${ideal}`)
  })
})

describe('the recording around the gaps', () => {
  test('stays bit for bit, and only what is near a gap has an influence', async () => {
    const options = { seed: 3, fade: 2 / RATE }
    const { samples, seed, steps } = await inpaint(options)
    assert.deepEqual([seed, steps], [3, 24])
    assert.deepEqual(samples.slice(0, from - 2), recording.slice(0, from - 2))
    assert.deepEqual(samples.slice(to + 2), recording.slice(to + 2))
    assert.ok(samples.slice(from - 2, from).some((x, i) => x !== recording[from - 2 + i]))
    assert.deepEqual((await inpaint({ ...options, fade: 0 })).samples.slice(to), recording.slice(to))
    const other = recording.slice()
    other.fill(Number.NaN, from, to)
    other.fill(0.5, 0, 30)
    other.fill(-0.5, 180)
    assert.deepEqual((await inpaint(options, other)).samples.slice(40, 170), samples.slice(40, 170))
    assert.deepEqual((await inpaint(options)).samples, samples)
    assert.notDeepEqual((await inpaint({ ...options, seed: 4 })).samples, samples)
  })

  test('stays the same with many gaps, touching gaps and gaps at its ends', async () => {
    const at = (start: number, end: number) => ({ start: start / RATE, end: end / RATE })
    const { samples } = await inpaint({ seed: 1, fade: 0, gaps: [at(190, 200), at(0, 5), at(5, 9), at(60, 61)] })
    for (const [start, end] of [
      [9, 60],
      [61, 190],
    ] as const) {
      assert.deepEqual(samples.slice(start, end), recording.slice(start, end))
    }
    assert.ok(samples.every(Number.isFinite))
    assert.notEqual(samples[60], 0)
    assert.ok(samples.slice(190).every(x => x !== 0 && Math.abs(x) < 1))
    // Nothing is known past the recording's end, wherever in the network's grid of four samples that is.
    const [whole, cut] = [
      await inpaint({ seed: 1, fade: 0, gaps: [at(190, 200)] }),
      await inpaint({ seed: 1, fade: 0, gaps: [at(190, 198)] }, recording.slice(0, 198)),
    ]
    assert.deepEqual(cut.samples.slice(190), whole.samples.slice(190, 198))
  })
})

describe('inpaint', () => {
  test('reports progress up to its total, and stops on a signal', async () => {
    const progress: Progress[] = []
    await inpaint({ seed: 1, onProgress: report => progress.push(report) })
    assert.equal(progress.at(-1)!.done, progress.at(-1)!.total)
    assert.equal(progress.length, 24)
    const controller = new AbortController()
    await assert.rejects(inpaint({ seed: 1, signal: controller.signal, onProgress: () => controller.abort() }), {
      code: 'ABORTED',
    })
  })

  test('refuses gaps and recordings that do not fit', async () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{ gaps: [] }, 'BAD_OPTION'],
      [{ gaps: [{ start: 0.02, end: 0.03 }] }, 'BAD_OPTION'],
      [{ gaps: [{ start: -0.01, end: 0.01 }] }, 'BAD_OPTION'],
      [{ gaps: [{ start: 0.01, end: 0.01 }] }, 'BAD_OPTION'],
      [{ gaps: [{ start: 0, end: 200 / RATE }] }, 'BAD_OPTION'],
      [{ gaps: [{ start: Number.NaN, end: 1 }] }, 'BAD_OPTION'],
      [{ rounds: 0 }, 'BAD_OPTION'],
      [{ fade: -1 }, 'BAD_OPTION'],
      [{ fades: 1 }, 'BAD_OPTION'],
      [{ label: 'cymbal' }, 'UNKNOWN_LABEL'],
    ]
    for (const [options, code] of wrong) await assert.rejects(inpaint(options), { code }, JSON.stringify(options))
    await assert.rejects(inpaint({ gaps: [{ start: 0.01, end: 0.01 }] }), { message: /^a gap is empty/ })
    const long = new Float32Array(20 * RATE)
    await assert.rejects(inpaint({ gaps: [{ start: 1, end: 12 }] }, long), { code: 'BAD_OPTION', message: /too long/ })
    const broken = recording.slice()
    broken[3] = Number.NaN
    await assert.rejects(inpaint({}, broken), { code: 'NOT_FINITE', message: /sample 3/ })
    // Gaps may end up to a sample after the recording, whose length is rounded.
    const instant = { gaps: [{ start: 0, end: 1e-6 }] }
    await assert.rejects(inpaint(instant, new Float32Array(0)), { code: 'BAD_AUDIO', where: 'the recording' })
    const short = { samples: new Float32Array(1200).fill(0.1), sampleRate: 22050 }
    await assert.rejects(
      new Vocoder(fakeModel(smallVocoderConfig())).inpaint(short, { gaps: [{ start: 0.02, end: 0.03 }] }),
      { code: 'BAD_AUDIO', where: 'the recording' },
    )
  })
})

describe('a recording of another rate than the model’s', () => {
  const tone = (rate: number, length: number) =>
    Float32Array.from({ length }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 1000 * i) / rate))

  /** A model whose data are tones of 1 kHz, of normally distributed amplitude: its x̂_0 is the likeliest for x_t. */
  const toneConfig = smallGeneratorConfig({ diffusion: { ...diffusion, prediction: 'x0', clamp: false } })
  const schedule = noiseSchedule(toneConfig.diffusion.training)
  const tones = new Generator(
    new Denoiser(toneConfig, {
      ...fakeEngine(toneConfig.network),
      predict: async ({ audio, steps }) =>
        audio.map((x, clip) => {
          const waves = [Math.sin, Math.cos].map(wave => x.map((_, i) => wave((2 * Math.PI * 1000 * i) / RATE)))
          const parts = waves.map(wave => (2 / x.length) * x.reduce((sum, value, i) => sum + value * wave[i]!, 0))
          const alphaBar = alphaBarAt(schedule, steps[clip]!)
          const share = Math.sqrt(alphaBar) / (alphaBar + ((1 - alphaBar) * 2) / x.length)
          return x.map((_, i) => share * (parts[0]! * waves[0]![i]! + parts[1]! * waves[1]![i]!))
        }),
    }),
  )

  for (const rate of [44_100, 96_000, 8001, 5000]) {
    test(`keeps every known sample, and a tone goes on through its gaps: ${rate} Hz`, async () => {
      const original = tone(rate, Math.floor(1.3 * rate))
      const damaged = original.slice()
      const gaps = [
        { start: 0.25, end: 0.28 },
        { start: 0.2851, end: 0.2856 },
        { start: 1.1, end: 1.13 },
      ]
      const lost = gaps.map(({ start, end }) => ({ start: Math.round(start * rate), end: Math.round(end * rate) }))
      for (const { start, end } of lost) damaged.fill(Number.NaN, start, end)
      const options = { gaps, seed: 1, steps: 30, sampler: 'ddim', fade: 0.001 } as const
      const made = await tones.inpaint({ samples: damaged, sampleRate: rate }, options)
      assert.deepEqual([made.sampleRate, made.samples.length], [rate, original.length])
      const fade = Math.round(0.001 * rate)
      const near = (i: number) => lost.some(({ start, end }) => i >= start - fade && i < end + fade)
      assert.ok(made.samples.every((x, i) => near(i) || x === original[i]))
      // A shift by one sample of 96 kHz would be an error of 0.03.
      const farthest = made.samples.reduce((most, x, i) => Math.max(most, Math.abs(x - original[i]!)), 0)
      assert.ok(farthest < 0.01, String(farthest))
    })
  }

  test('may end with a gap or be shorter than the filter, and is stopped by a signal', async () => {
    for (const rate of [44_100, 8001, 5000]) {
      const samples = tone(rate, Math.floor(0.02 * rate))
      const gaps = [
        { start: 0, end: 0.001 },
        { start: 0.015, end: samples.length / rate },
      ]
      const made = await tones.inpaint({ samples, sampleRate: rate }, { gaps, seed: 1, fade: 0 })
      const [from, to] = [Math.round(0.001 * rate), Math.round(0.015 * rate)]
      assert.deepEqual(made.samples.slice(from, to), samples.slice(from, to))
      assert.ok(made.samples.every(Number.isFinite) && made.samples.at(-1) !== 0)
    }
    const audio = { samples: tone(44_100, 4410), sampleRate: 44_100 }
    await assert.rejects(tones.inpaint(audio, { gaps, signal: AbortSignal.abort() }), { code: 'ABORTED' })
    // Nothing is known at 8 kHz: the one sample that is left lies between two of that rate.
    const few = { samples: tone(44_100, 5), sampleRate: 44_100 }
    const all = { gaps: [{ start: 0, end: 4 / 44_100 }] }
    await assert.rejects(tones.inpaint(few, all), { code: 'BAD_OPTION', message: /covers the whole recording/ })
  })
})

test('a generator on subbands fills a gap as if it saw the whole recording', async () => {
  const { network, ...fields } = smallGeneratorConfig()
  const config = smallGeneratorConfig({
    ...fields,
    network: { ...network, patch: 16 },
    diffusion: { ...diffusion, prediction: 'x0', clamp: false, subbands: { kind: 'mdct', gains: Array(16).fill(1) } },
  })
  const radius = 16 * receptiveRadius(config.network)
  const model = new Generator(new Denoiser(config, fakeEngine(config.network, radius)))
  const samples = gaussian(5, 0, 0, 1600).map(z => 0.1 * z)
  for (let start = 800; start < 816; start += 3) {
    const filled = async (...others: number[]) => {
      const gaps = [start, ...others].map(at => ({ start: at / RATE, end: (at + 10) / RATE }))
      const options = { gaps, seed: 2, steps: 3, rounds: 1, fade: 0 }
      const made = await model.inpaint({ samples, sampleRate: RATE }, options)
      return made.samples.slice(start, start + 10)
    }
    const made = await filled()
    // The network runs over all three gaps at once, and so over more of the recording.
    const together = await filled(start - 2 * radius, start + 2 * radius)
    const difference = Math.max(...together.map((x, i) => Math.abs(x - made[i]!)))
    assert.ok(difference < 2e-7, `from sample ${start}: ${difference}`)
  }
})

describe('a vocoder', () => {
  for (const correction of [0, 2]) {
    test(`fills a gap as if it saw the whole recording, with ${correction} passes of correction`, async () => {
      await using vocoder = new Vocoder(await loadModel(golden('pytorch-windows'), { correction }))
      const samples = gaussian(5, 0, 0, 24_000).map(z => 0.1 * z)
      const [start, end] = [12_000, 12_100]
      const at = (start: number, end: number) => ({ start: start / 22_050, end: end / 22_050 })
      const filled = async (recording: Float32Array, others: InpaintOptions['gaps'] = []) => {
        const options = { gaps: [at(start, end), ...others], seed: 2, steps: 2, rounds: 1, fade: 0 }
        const audio = await vocoder.inpaint({ samples: recording, sampleRate: 22_050 }, options)
        return audio.samples.slice(start, end)
      }
      const changed = (from: number, to: number) => samples.map((x, i) => (i >= from && i < to ? -x : x))
      const made = await filled(samples)
      const difference = (other: Float32Array) => Math.max(...other.map((x, i) => Math.abs(x - made[i]!)))
      // What the mel and the network see around the gap counts. Two passes of correction over 1024 samples, the
      // network's 768 and five frames end 4100 samples away.
      const near = difference(await filled(changed(start - 1100, start - 1000)))
      assert.ok(near > 1e-4, String(near))
      assert.deepEqual(await filled(changed(0, start - 4200)), made)
      // Between two other gaps, the network runs over all of them, and so over more of the recording.
      const together = difference(await filled(samples, [at(start - 3000, start - 2900), at(end + 2900, end + 3000)]))
      assert.ok(together < 2e-7, String(together))
    })
  }

  test('fills gaps with its high band, too, each with noise of its own', async () => {
    const samples = gaussian(5, 0, 0, 30_000).map(z => 0.1 * z)
    const places = [10_000, 20_000].map(start => ({ start, end: start + 441 }))
    const gaps = places.map(({ start, end }) => ({ start: start / 22_050, end: end / 22_050 }))
    const highBand = { from: 7000, gain: 0, slope: 0 }
    const [full, plain] = await Promise.all(
      [highBand, null].map(band => {
        const config = smallVocoderConfig({ mel: 'tacotron2', diffusion: { ...lmntDiffusion, highBand: band } })
        return new Vocoder(fakeModel(config)).inpaint({ samples, sampleRate: 22_050 }, { gaps, seed: 1, fade: 0 })
      }),
    )
    const added = full!.samples.map((x, i) => x - plain!.samples[i]!)
    const within = (i: number) => places.some(({ start, end }) => i >= start && i < end)
    assert.ok(added.every((x, i) => within(i) || x === 0))
    const [first, second] = places.map(({ start, end }) => added.slice(start, end))
    // White noise of 0.1 has this deviation above 8 kHz. Its mel is a little quieter (√π/2), and so is the band's edge.
    const expected = 0.1 * Math.sqrt(3025 / 11_025)
    for (const gap of [first!, second!]) {
      const ratio = rootMeanSquare(gap) / expected
      assert.ok(ratio > 0.6 && ratio < 1, String(ratio))
    }
    const product = first!.reduce((sum, x, i) => sum + x * second![i]!, 0) / first!.length
    assert.ok(Math.abs(product) < 0.3 * rootMeanSquare(first!) * rootMeanSquare(second!), String(product))
  })

  for (const prior of ['mel-envelope', 'mel-energy', null] as const) {
    for (const prediction of ['epsilon', 'v'] as const) {
      test(`fills a gap at the level and colour around it: prior ${prior}, ${prediction}`, async () => {
        // Hum and hiss. Only the envelope lets a few steps reach far below the cleanest noise level.
        const loudness = prior === 'mel-envelope' ? 0.004 : 0.1
        const drive = gaussian(5, 0, 0, 12_000)
        const samples = drive.map(z => loudness * z)
        for (let i = 1; i < samples.length; i++) samples[i] = 0.9 * samples[i - 1]! + loudness * drive[i]!
        const config = smallVocoderConfig({
          diffusion: {
            training: { kind: 'cosine', steps: 100 },
            defaultSteps: 8,
            clamp: false,
            prediction,
            prior:
              prior === null
                ? null
                : prior === 'mel-envelope'
                  ? { kind: prior }
                  : { kind: prior, minEnergy: 0, maxEnergy: 100, floor: 0.2 },
          },
        })
        const level = rootMeanSquare(samples)
        const model = gaussianModel(config, { deviation: prior === 'mel-envelope' ? 1 : level, correlation: 0 })
        const [start, end] = [5000, 6102]
        const { samples: filled } = await new Vocoder(model).inpaint(
          { samples, sampleRate: 22050 },
          { gaps: [{ start: start / 22050, end: end / 22050 }], seed: 2, steps: 12, sampler: 'dpm-solver++' },
        )
        const fade = Math.round(0.002 * 22050)
        assert.deepEqual(filled.slice(0, start - fade), samples.slice(0, start - fade))
        assert.deepEqual(filled.slice(end + fade), samples.slice(end + fade))
        const gap = filled.slice(start, end)
        const decibels = 20 * Math.log10(rootMeanSquare(gap) / level)
        assert.ok(Math.abs(decibels) < 3, `${decibels} dB off`)
        if (prior !== 'mel-envelope') return
        const [made, own] = [gap, samples].map(audio => rootMeanSquare(differences(audio)) / rootMeanSquare(audio))
        assert.ok(Math.abs(Math.log(made! / own!)) < 0.2, `brightness ${made}, around it ${own}`)
        const edge = Math.max(
          ...differences(filled.slice(start - 2, start + 2)),
          ...differences(filled.slice(end - 2, end + 2)),
        )
        assert.ok(Math.abs(edge) < 4 * rootMeanSquare(differences(samples)), `a step of ${edge}`)
      })
    }
  }
})
