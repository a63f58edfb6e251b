import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type MelConvention, namedConventions } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'
import { createSampler, samplerOver } from '#src/diffusion/samplers/create'
import {
  derivedSchedule,
  noiseSchedule,
  samplingSchedule,
  scheduleFor,
  scheduleFromBetas,
} from '#src/diffusion/schedule'
import { compare } from '#src/evaluation/vocoder/compare'
import { modelConfigSchema } from '#src/model/config'
import { copyDistance, type Examples, examplesOf } from '#src/tuning/examples'
import { tuneLevels } from '#src/tuning/search-levels'
import { type TuneProgress, tune } from '#src/tuning/tune'
import { withTunedSchedules } from '#src/tuning/tuned-config'
import { Vocoder } from '#src/vocoder'
import { smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'
import { gaussianModel } from '../support/gaussian-engine.js'

const diffusion = smallVocoderConfig({
  diffusion: { training: { kind: 'linear', steps: 1000, betaStart: 1e-4, betaEnd: 0.02 }, clamp: false },
}).diffusion
const training = noiseSchedule(diffusion.training)
const logSnr = (betas: readonly number[]) =>
  Array.from(scheduleFromBetas(betas).alphaBar, level => Math.log(level / (1 - level)))

function search(steps: number, objective: (betas: readonly number[]) => number, evaluations = 300) {
  const start = derivedSchedule(training, steps)
  return tuneLevels({
    training,
    start: Array.from(start.alphaBar),
    startValue: objective(Array.from(start.beta)),
    objective: async betas => objective(betas),
    evaluations,
  })
}

test('examples are from the middle of recordings, with seeds of their own', async () => {
  const sampleRate = 22_050
  const convention = namedConventions.tacotron2
  const ramp = (length: number) => ({ samples: Float32Array.from({ length }, (_, i) => i / 1e4), sampleRate })
  const options = { seconds: 0.1, seed: 5, signal: undefined }
  const seeds = ({ used, withheld }: Examples) => [used, withheld].map(part => part.map(({ seed }) => seed))
  const three = await examplesOf([4000, 3000, 1024].map(ramp), convention, options)
  assert.deepEqual(seeds(three), [[5, 7], [6]])
  const { samples } = three.withheld[0]!
  assert.deepEqual(samples, ramp(3000).samples.subarray(397, 397 + 2205))
  assert.equal(three.used[1]!.samples.length, 1024)
  const one = await examplesOf([ramp(3000)], convention, options)
  assert.deepEqual([seeds(one), one.withheld[0]!.samples], [[[5], [6]], samples])
  await assert.rejects(examplesOf([ramp(1023)], convention, options), { code: 'BAD_AUDIO', where: 'recording 0' })
})

test('the distance of copies is the mean of their log-mel and STFT distances', async () => {
  const convention: MelConvention = { ...namedConventions.tacotron2, name: 'decimal', logarithm: 'log10' }
  const model = gaussianModel(smallVocoderConfig({ mel: convention, diffusion }), { deviation: 0.05, correlation: 0 })
  const recordings = [0, 1].map(draw => ({ samples: gaussian(3, draw, 0, 3000), sampleRate: 22_050 }))
  const { used, withheld } = await examplesOf(recordings, convention, { seconds: 0.1, seed: 5, signal: undefined })
  const examples = [...used, ...withheld]
  const vocoder = new Vocoder(model)
  let sum = 0
  for (const { samples, mel, seed } of examples) {
    const copy = await vocoder.synthesize(mel, { seed, steps: 2, length: samples.length })
    const { logMel, stft } = compare(samples, copy.samples)
    sum += logMel! + stft!
  }
  const sampler = createSampler(model.config.diffusion, { steps: 2 })
  const distance = await copyDistance(model, convention, sampler, examples, undefined)
  assert.ok(Math.abs(distance - sum / 2) < 1e-6, `${distance}, expected ${sum / 2}`)
})

describe('the search for levels', () => {
  test('finds the minimum, with levels in order and within the training range', async () => {
    const wanted = [7, 3.3, 2.9, -2]
    const objective = (betas: readonly number[]) =>
      logSnr(betas).reduce((sum, level, n) => sum + (level - wanted[n]!) ** 2, 0.1)
    const { betas, value, evaluations } = await search(4, objective)
    assert.ok(value < 0.15, `${value} after ${evaluations}`)
    assert.ok(evaluations <= 300)
    assert.deepEqual(await search(4, objective), { betas, value, evaluations })
    // What lies outside is not reached, and every schedule tried can be sampled with.
    const pushed = await search(3, betas => {
      const { steps } = samplingSchedule(training, betas)
      assert.ok(steps.every((step, n) => n === 0 || step > steps[n - 1]!))
      return Math.exp(-logSnr(betas).reduce((sum, level) => sum + level, 0) / 10)
    })
    assert.ok(logSnr(pushed.betas)[0]! <= Math.log(training.alphaBar[0]! / (1 - training.alphaBar[0]!)) + 1e-9)
  })

  test('returns the best that it has tried, and keeps levels apart', async () => {
    for (const wanted of [-3, 0, 1, 2, 3, 4, 6]) {
      const tried: number[] = []
      const { value, betas, evaluations } = await search(
        1,
        betas => {
          tried.push(1 + (logSnr(betas)[0]! - wanted) ** 2)
          return tried.at(-1)!
        },
        8,
      )
      assert.deepEqual([value, evaluations], [Math.min(...tried), tried.length - 1])
      assert.ok(Math.abs(1 + (logSnr(betas)[0]! - wanted) ** 2 - value) < 1e-9)
    }
    assert.equal((await search(1, () => 1, 4)).evaluations, 4)
    const together = await search(3, betas => 1 + logSnr(betas)[0]! - logSnr(betas)[2]!)
    const [a, b, c] = logSnr(together.betas)
    assert.ok(a! - c! < 1 && a! - b! > 0.0199 && b! - c! > 0.0199, String([a, b, c]))
  })

  test('is never worse than its start, with any number of evaluations', async () => {
    for (const evaluations of [0, 1, 3, 7]) {
      let calls = 0
      const start = 1
      const result = await search(
        3,
        () => {
          calls++
          return calls === 1 ? start : 1 + 1 / calls
        },
        evaluations,
      )
      assert.equal(result.value, start)
      assert.ok(result.evaluations <= evaluations)
    }
  })

  test('finds the variance of a Gaussian with DDIM in two steps', async () => {
    const deviation = 0.1
    const sample = (betas: readonly number[]) => {
      const sampler = samplerOver(samplingSchedule(training, betas), diffusion, { sampler: 'ddim' })
      let x = Float32Array.of(1)
      sampler.alphaBars.forEach((alphaBar, pass) => {
        const gain = Math.sqrt(1 - alphaBar) / (alphaBar * deviation ** 2 + 1 - alphaBar)
        x = Float32Array.from(sampler.update(pass, { x, carried: null }, { epsilon: x.map(v => gain * v) }).x)
      })
      return Math.abs(Math.log(x[0]! / deviation)) + 1e-3
    }
    const start = sample(Array.from(derivedSchedule(training, 2).beta))
    const { value } = await search(2, sample)
    assert.ok(value < 0.02 && start > 0.2, `${value}, at first ${start}`)
  })
})

describe('tune', () => {
  test('finds a sampler and levels that copy better, and the model keeps both', async () => {
    const config = smallVocoderConfig({
      diffusion: { training: { kind: 'linear', steps: 200, betaStart: 1e-4, betaEnd: 0.05 }, clamp: false },
    })
    // All it knows is how loud the recordings are.
    const model = gaussianModel(config, { deviation: 0.05, correlation: 0 })
    const recordings = [0, 1, 2, 3].map(draw => ({
      samples: gaussian(3, draw, 0, 8000).map(z => 0.05 * z),
      sampleRate: 22050,
    }))
    const shares: number[] = []
    const bests: number[] = []
    const options = {
      steps: 2,
      seconds: 0.1,
      evaluations: 30,
      onProgress: ({ done, total, best }: TuneProgress) => {
        shares.push(done / total!)
        bests.push(best)
      },
    }
    const found = await tune(model, recordings, options)
    assert.ok(found.better && found.distance < 0.9 * found.derived, JSON.stringify(found))
    assert.equal(found.before, found.derived)
    assert.ok(found.evaluations <= 30)
    assert.ok(shares.at(-1) === 1 && shares.every((share, i) => i === 0 || share >= shares[i - 1]!))
    assert.ok(bests.every((best, i) => i === 0 || best <= bests[i - 1]!))

    const tuned = modelConfigSchema.parse(JSON.parse(JSON.stringify(withTunedSchedules(config, [found]))))
    assert.deepEqual(tuned.diffusion.sampling['2'], { betas: found.betas, sampler: found.sampler })
    const sampler = createSampler(tuned.diffusion, { steps: 2 })
    assert.equal(sampler.needsNoise(0), found.sampler === 'ddpm')
    assert.equal(createSampler(tuned.diffusion, { steps: 2, sampler: 'ddpm' }).needsNoise(0), true)
    // A schedule that is there already is what a new one has to beat.
    const again = await tune(gaussianModel(tuned, { deviation: 0.05, correlation: 0 }), recordings, {
      ...options,
      evaluations: 4,
    })
    assert.equal(again.before, found.distance)
    assert.ok(again.distance <= found.distance && again.distance < again.derived)
    assert.equal(again.derived, found.derived)
    assert.equal(again.better, again.distance < again.before)
    assert.deepEqual(withTunedSchedules(config, [{ ...found, better: false }]), config)
  })

  test('takes the recordings as they are when the call begins', async () => {
    const model = gaussianModel(smallVocoderConfig({ diffusion }), { deviation: 0.05, correlation: 0 })
    const recordings = [0, 1].map(draw => ({ samples: gaussian(3, draw, 0, 4000), sampleRate: 16_000 }))
    const options = { steps: 1, seconds: 0.1, evaluations: 4 }
    const copies = recordings.map(({ samples, sampleRate }) => ({ samples: samples.slice(), sampleRate }))
    const pending = tune(model, copies, options)
    for (const { samples } of copies) samples.fill(0)
    assert.deepEqual(await pending, await tune(model, recordings, options))
  })

  test('stops while the recordings are resampled', async () => {
    const model = gaussianModel(smallVocoderConfig({ diffusion }), { deviation: 0.05, correlation: 0 })
    const recordings = [{ samples: new Float32Array(4_000_000), sampleRate: 16_000 }]
    const stop = new AbortController()
    const code = tune(model, recordings, { steps: 1, signal: stop.signal }).catch(error => error.code)
    // The first one starts the converter.
    for (let turn = 0; turn < 10; turn++) await setImmediate()
    stop.abort()
    const later = async () => {
      for (let turn = 0; turn < 10; turn++) await setImmediate()
    }
    assert.equal(await Promise.race([code, later()]), 'ABORTED')
  })

  test('finds the noise scale of a network that predicts x0', async () => {
    const config = smallVocoderConfig({
      network: {
        channels: 4,
        layers: 4,
        dilationCycle: 3,
        frontEnd: { kind: 'windows', kernel: 64, stride: 32, envelope: {} },
        mel: { kind: 'frame-rate', bands: 80, hop: 256 },
      },
      // No noise is carried on, so that little is left of data that are noise themselves.
      diffusion: {
        training: { kind: 'cosine', steps: 50 },
        clamp: false,
        prediction: 'x0',
        prior: { kind: 'front-end' },
        defaultSampler: 'ddim',
        noiseScale: 0,
      },
    })
    const model = gaussianModel(config, { deviation: 0.05, correlation: 0 })
    const recordings = [0, 1].map(draw => ({
      samples: gaussian(3, draw, 0, 8000).map(z => 0.05 * z),
      sampleRate: 22050,
    }))
    const options = { sampler: 'ddim', seconds: 0.1, evaluations: 8 } as const
    const found = await tune(model, recordings, { steps: 3, ...options })
    assert.ok(found.better && found.noiseScale > 0, JSON.stringify(found))
    const tuned = modelConfigSchema.parse(JSON.parse(JSON.stringify(withTunedSchedules(config, [found]))))
    const { betas, sampler, noiseScale } = found
    assert.deepEqual(tuned.diffusion.sampling['3'], { betas, sampler, noiseScale })
    const again = await tune(gaussianModel(tuned, { deviation: 0.05, correlation: 0 }), recordings, {
      steps: 3,
      ...options,
      evaluations: 4,
    })
    assert.equal(again.before, found.distance)
    const both = withTunedSchedules(tuned, [{ ...found, steps: 7 }]).diffusion.sampling
    assert.deepEqual(Object.keys(both).slice(-2), ['3', '7'])
    const unscaled = { ...found, noiseScale: 0 }
    assert.deepEqual(withTunedSchedules(config, [unscaled]).diffusion.sampling['3'], { betas, sampler })

    const single = await tune(model, recordings, { steps: 1, ...options, evaluations: 4 })
    assert.equal(single.noiseScale, 0)
    // With no calls to spare, the levels are those that the model visits anyway: spaced evenly in steps.
    const untuned = await tune(model, recordings, { steps: 2, ...options, sampler: undefined, evaluations: 4 })
    assert.equal(untuned.evaluations, 4)
    const visited = scheduleFor(config.diffusion, 2).beta
    for (const [n, beta] of untuned.betas.entries()) assert.ok(Math.abs(beta - visited[n]!) < 1e-12, `${beta}`)
  })

  test('refuses what cannot be tuned, and stops on a signal', async () => {
    const model = fakeModel(smallVocoderConfig())
    const audio = { samples: new Float32Array(4000).fill(0.1), sampleRate: 22050 }
    await assert.rejects(tune(model, [], { steps: 4 }), { code: 'BAD_OPTION' })
    await assert.rejects(tune(model, [audio], { steps: 0 }), { code: 'BAD_OPTION' })
    const brief = smallVocoderConfig({ mel: { ...namedConventions.lmnt, fftSize: 4096 } })
    await assert.rejects(tune(fakeModel(brief), [audio], { steps: 4, seconds: 0.1 }), {
      code: 'BAD_OPTION',
      where: 'seconds',
    })
    const loud = { ...audio, samples: audio.samples.map(x => 1e5 * x) }
    await assert.rejects(tune(model, [audio, loud], { steps: 4 }), { code: 'BAD_AUDIO', where: 'recording 1' })
    await assert.rejects(tune(model, [{ ...audio, samples: audio.samples.slice(0, 500) }], { steps: 4 }), {
      code: 'BAD_AUDIO',
    })
    await assert.rejects(tune(fakeModel(smallGeneratorConfig()), [audio], { steps: 4 }), { code: 'BAD_CONFIG' })
    const controller = new AbortController()
    const stopped = tune(model, [audio], { steps: 4, signal: controller.signal, onProgress: () => controller.abort() })
    await assert.rejects(stopped, { code: 'ABORTED' })
    assert.equal(model.engine.open, 0)
  })
})
