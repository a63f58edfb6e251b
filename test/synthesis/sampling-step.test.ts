/** onStep watches every call that makes whole clips, and changes nothing. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'
import { Denoiser } from '#src/denoiser/denoiser'
import { createEngine } from '#src/engines/select'
import { Generator } from '#src/generator'
import { samplerNames } from '#src/model/diffusion-config'
import type { Synthesis } from '#src/synthesis/result'
import { checkStepBytes, type OnStep, type SamplingStep } from '#src/synthesis/sampling-step'
import { initialParameters } from '#src/training/optimiser/initialise'
import { Vocoder } from '#src/vocoder'
import { smallGeneratorConfig, smallStepEmbedding, smallVocoderConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'

const cosine = { training: { kind: 'cosine', steps: 100 }, defaultSteps: 4, clamp: false } as const
const mel = (frames: number, seed = 99) => ({
  data: gaussian(seed, 0, 0, 80 * frames).map(v => 0.5 + 0.1 * v),
  bands: 80,
  frames,
})
const generator = new Generator(fakeModel(smallGeneratorConfig({ diffusion: { ...cosine, signalScale: 3 } })))
const vocoder = new Vocoder(
  fakeModel(smallVocoderConfig({ diffusion: { ...cosine, prior: { kind: 'mel-envelope' } } })),
)
const subbands = new Generator(
  fakeModel(
    smallGeneratorConfig({
      network: { stepEmbedding: smallStepEmbedding, channels: 4, layers: 4, dilationCycle: 3, patch: 16 },
      diffusion: { ...cosine, subbands: { kind: 'mdct', gains: Array.from({ length: 16 }, (_, i) => 1 + i) } },
    }),
  ),
)
const audio = { samples: gaussian(5, 0, 0, 1600).map(v => 0.1 * v), sampleRate: 8000 }
const gaps = [
  { start: 0.02, end: 0.03 },
  { start: 0.15, end: 0.16 },
]

interface Watcher {
  readonly steps: SamplingStep[]
  readonly onStep: OnStep
}

function watcher(): Watcher {
  const steps: SamplingStep[] = []
  return { steps, onStep: step => steps.push(step) }
}

type Watchable = (options: { onStep?: OnStep }) => Promise<Synthesis>
const calls: Readonly<Record<string, Watchable>> = {
  synthesize: options => vocoder.synthesize(mel(5), { seed: 1, ...options }),
  resynthesize: options => vocoder.resynthesize({ samples: audio.samples, sampleRate: 22050 }, { seed: 1, ...options }),
  generate: async options => (await generator.generate({ seed: 1, label: 'kick', guidance: 2, ...options }))[0]!,
  'generate in subbands': async options => (await subbands.generate({ seed: 1, seconds: 0.1003, ...options }))[0]!,
  'generate a long clip': async options =>
    (await generator.generate({ seed: 1, seconds: 66, steps: 2, ...options }))[0]!,
  denoise: options => generator.denoise(audio, { seed: 1, noise: 0.1, ...options }),
  interpolate: options => generator.interpolate(audio, audio, { seed: 1, ...options }),
}

describe('watching by onStep', () => {
  for (const [name, call] of Object.entries(calls)) {
    test(`${name}: keeps the bytes, each step starts from the last, and its x̂_0 ends as the result`, async () => {
      const { steps, onStep } = watcher()
      const watched = await call({ onStep })
      assert.deepEqual(watched, await call({}))
      assert.equal(steps.length, watched.steps)
      assert.deepEqual(
        steps.map(step => [step.index, step.of, step.clip, step.start]),
        steps.map((_, i) => [i, watched.steps, 0, 0]),
      )
      const last = steps.at(-1)!
      assert.equal(last.noiseLevel, 0)
      assert.deepEqual(last.state(), watched.samples)
      const clean = last.clean()
      assert.equal(clean.length, watched.samples.length)
      // Without a message for each sample, which would take longer than the synthesis.
      const far = clean.findIndex((x, i) => !(Math.abs(x - watched.samples[i]!) < 1e-4))
      assert.equal(far, -1, `${clean[far]} ${watched.samples[far]}`)

      for (const [i, step] of steps.entries()) {
        const [input, clean, noise] = [step.input(), step.clean(), step.noise()]
        if (i > 0) assert.deepEqual(input, steps[i - 1]!.state())
        const sigma = step.inputNoiseLevel
        const alpha = Math.sqrt(1 - sigma ** 2)
        const sums = clean.map((x, n) => alpha * x + sigma * noise[n]!)
        const far = input.findIndex((x, n) => !(Math.abs(x - sums[n]!) < 1e-3 * (1 + Math.abs(x))))
        assert.equal(far, -1, `${input[far]} ${sums[far]}`)
      }
    })
  }

  for (const sampler of samplerNames) {
    test(`${sampler}: noise decreases step by step, and the state ends as the result`, async () => {
      const { steps, onStep } = watcher()
      const { samples } = await vocoder.synthesize(mel(6), { seed: 2, steps: 12, sampler, onStep })
      assert.ok(steps.every((step, i) => i === 0 || step.noiseLevel < steps[i - 1]!.noiseLevel))
      const distances = steps.map(step => step.state().reduce((sum, x, i) => sum + (x - samples[i]!) ** 2, 0))
      assert.ok(distances[0]! > distances[6]! && distances.at(-1) === 0)
    })
  }

  test('gives copies that nothing else holds', async () => {
    const { steps, onStep } = watcher()
    const { samples } = await vocoder.synthesize(mel(3), { seed: 3, onStep })
    const before = samples.slice()
    for (const step of steps) {
      step.state().fill(7)
      step.clean().fill(7)
    }
    assert.deepEqual(samples, before)
    assert.deepEqual(steps.at(-1)!.state(), before)
  })

  test('is not affected by changes to the copies while the process runs', async () => {
    const onStep: OnStep = step => {
      step.state().fill(7)
      step.clean().fill(7)
    }
    assert.deepEqual(
      await vocoder.synthesize(mel(3), { seed: 3, onStep }),
      await vocoder.synthesize(mel(3), { seed: 3 }),
    )
    assert.deepEqual(await generator.generate({ seed: 3, onStep }), await generator.generate({ seed: 3 }))
  })

  test('ends before a phase refinement', async () => {
    const { steps, onStep } = watcher()
    const refined = await vocoder.synthesize(mel(12), { seed: 4, refine: 2, onStep })
    const plain = await vocoder.synthesize(mel(12), { seed: 4, refine: 0 })
    assert.deepEqual(steps.at(-1)!.state(), plain.samples)
    assert.notDeepEqual(refined.samples, plain.samples)
  })
})

describe('watching a batch', () => {
  test('by generate names the clip of each step, across batches of 16', async () => {
    const { steps, onStep } = watcher()
    const clips = await generator.generate({ seed: 1, count: 18, seconds: 0.01, onStep })
    assert.equal(steps.length, 18 * 4)
    for (const [i, { samples }] of clips.entries()) {
      assert.deepEqual(steps.findLast(step => step.clip === i)!.state(), samples)
    }
  })

  test('by synthesizeBatch names the mel of each step', async () => {
    const { steps, onStep } = watcher()
    const clips = await vocoder.synthesizeBatch([mel(3), mel(5, 7)], { seed: 1, onStep })
    for (const [i, { samples }] of clips.entries()) {
      assert.deepEqual(steps.findLast(step => step.clip === i)!.state(), samples)
    }
  })
})

describe('watching inpaint', () => {
  test('shows the stretch around each gap in every round', async () => {
    const { steps, onStep } = watcher()
    const options = { seed: 1, rounds: 2, fade: 0, gaps }
    const made = await generator.inpaint(audio, { ...options, onStep })
    assert.deepEqual(made, await generator.inpaint(audio, options))
    assert.deepEqual(
      steps.map(step => [step.clip, step.index, step.of]),
      [0, 1].flatMap(clip => Array.from({ length: 8 }, (_, i) => [clip, i, 8])),
    )
    for (const clip of [0, 1]) {
      const { start, state } = steps.findLast(step => step.clip === clip)!
      const [from, to] = [gaps[clip]!.start * 8000, gaps[clip]!.end * 8000]
      assert.deepEqual(state().slice(from - start, to - start), made.samples.slice(from, to))
    }
  })
})

describe('a stream', () => {
  test('refuses onStep, and says what to use instead', () => {
    const onStep = () => {}
    const refusal = { code: 'BAD_OPTION', message: /onStep: a stream cannot be watched/ }
    assert.throws(() => generator.stream({ onStep } as object), refusal)
    assert.throws(() => vocoder.stream(mel(3), { onStep } as object), refusal)
  })
})

test('watching changes no byte on the native engine either', async () => {
  const config = smallVocoderConfig({ mel: namedConventions.lmnt, diffusion: cosine })
  const parameters = new Map(
    [...initialParameters(config.network, 1)].map(([name, { shape, data }], i) => {
      const noise = gaussian(2, i, 0, data.length)
      return [name, { shape, data: data.map((x, n) => x + 0.1 * noise[n]!) }]
    }),
  )
  const engine = await createEngine(config.network, parameters, { threads: 2 })
  const native = new Vocoder(new Denoiser(config, engine))
  try {
    for (const steps of [3, 9]) {
      const { steps: seen, onStep } = watcher()
      const options = { seed: 1, steps }
      assert.deepEqual(
        await native.synthesize(mel(20), { ...options, onStep }),
        await native.synthesize(mel(20), options),
      )
      assert.equal(seen.length, steps)
    }
  } finally {
    await native.dispose()
  }
})

test('the audio of all steps takes three arrays per step and the start', () => {
  const bytes = 4 * 100 * (3 * 5 + 1)
  checkStepBytes(100, 5, bytes)
  assert.throws(() => checkStepBytes(100, 5, bytes - 1), { code: 'TOO_LARGE' })
})
