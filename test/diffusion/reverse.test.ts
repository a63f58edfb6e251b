import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { type Mel, namedConventions } from '#src/audio/mel/convention'
import { MelFeed } from '#src/audio/mel/feed'
import { atSamples, sliceMel } from '#src/audio/mel/frames'
import type { MelSource } from '#src/audio/mel/source'
import { concatenateAudio } from '#src/core/concatenate'
import type { Progress } from '#src/core/progress'
import { gaussian } from '#src/core/random'
import { EnergyPriorDomain, frameDeviations } from '#src/data-domain/energy-prior'
import { WaveformDomain } from '#src/data-domain/waveform'
import { type NoiseSource, seededNoise } from '#src/diffusion/noise'
import { type ReverseRequest, reverseProcess } from '#src/diffusion/reverse'
import { reverseBatch } from '#src/diffusion/reverse-batch'
import { createSampler } from '#src/diffusion/samplers/create'
import type { PassState, Sampler } from '#src/diffusion/samplers/sampler'
import { type EnergyPriorConfig, samplerNames } from '#src/model/diffusion-config'
import { melContext } from '#src/model/network'
import { someMel } from '../support/audio.js'
import { smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'
import { fakeEngine } from '../support/fake-engine.js'

const config = smallVocoderConfig()
const convention = namedConventions.lmnt
const prior: EnergyPriorConfig = { kind: 'mel-energy', minEnergy: 0, maxEnergy: 8, floor: 0.1 }

/** Input and noise of a clip with a mel. */
function conditioned(source: MelSource, of: EnergyPriorConfig | null, seed = 1) {
  const mel = new MelFeed(source, convention)
  const domain = of === null ? new WaveformDomain(1) : new EnergyPriorDomain(convention, of, 1)
  const white = seededNoise(seed)
  const openNoise = (): NoiseSource => {
    const shape = domain.noise(mel)
    return (draw, start, count) => shape((from, n) => white(draw, from, n), start, count)
  }
  return { input: { mel, context: melContext(config.network.mel!) }, openNoise }
}

type Request = Omit<ReverseRequest, 'openStream' | 'prediction'>

async function collect(request: Request, engine = fakeEngine(config.network)) {
  const pieces: Float32Array[] = []
  for await (const piece of reverseProcess({
    openStream: steps => engine.openStream({ steps }),
    prediction: 'epsilon',
    ...request,
  })) {
    pieces.push(piece)
  }
  assert.equal(engine.open, 0, 'a stream was left open')
  return { samples: concatenateAudio(pieces), pieces, engine }
}

/** The process written out: every pass over the whole clip. */
async function wholeClip(
  sampler: Sampler,
  mel: Mel,
  seed: number,
  of: EnergyPriorConfig | null,
): Promise<Float32Array> {
  const engine = fakeEngine(config.network)
  const length = mel.frames * convention.hop
  const sigma = of === null ? null : atSamples(frameDeviations(of, convention, mel), convention, 0, length)
  const draw = (index: number) => gaussian(seed, index, 0, length).map((z, i) => z * (sigma?.[i] ?? 1))
  let state: PassState = { x: draw(0), carried: null }
  const passes = sampler.steps.length
  for (let pass = 0; pass < passes; pass++) {
    const [eps] = await engine.predict({ audio: [state.x], steps: [sampler.steps[pass]!], mel: [mel] })
    const noise = sampler.needsNoise(pass) ? draw(passes - 1 - pass) : null
    state = sampler.update(pass, state, { epsilon: eps!, noise })
  }
  return state.x
}

async function* arriving(mel: Mel, sizes: readonly number[]) {
  for (let start = 0, i = 0; start < mel.frames; i++) {
    const end = Math.min(mel.frames, start + sizes[i % sizes.length]!)
    yield sliceMel(mel, start, end)
    start = end
  }
}

describe('the reverse process in chunks', () => {
  test('gives the bytes of passes over the whole clip, for any pieces of mel and audio', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          frames: fc.integer({ min: 1, max: 12 }),
          chunk: fc.integer({ min: 1, max: 3000 }),
          sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
          whole: fc.boolean(),
          shaped: fc.boolean(),
          passesInFlight: fc.integer({ min: 1, max: 8 }),
          sampler: fc.constantFrom(...samplerNames),
          steps: fc.integer({ min: 1, max: 9 }),
        }),
        async ({ frames, chunk, sizes, whole, shaped, passesInFlight, sampler: name, steps }) => {
          const mel = someMel(frames)
          const sampler = createSampler(config.diffusion, {
            sampler: name,
            steps,
            ...(name === 'ddim' ? { eta: 0.5 } : {}),
          })
          const of = shaped ? prior : null
          const { samples } = await collect({
            sampler,
            ...conditioned(whole ? mel : arriving(mel, sizes), of, 3),
            chunk: Math.max(chunk, 64),
            passesInFlight,
          })
          assert.deepEqual(samples, await wholeClip(sampler, mel, 3, of))
        },
      ),
      { numRuns: 20 },
    )
  })

  for (const [what, whole] of [
    ['draws the noise of the next chunk while the network works, for a whole mel', true],
    ['draws no noise ahead of a mel that is still arriving', false],
  ] as const) {
    test(what, async () => {
      const mel = someMel(12)
      const { input, openNoise } = conditioned(whole ? mel : arriving(mel, [4]), null)
      const engine = fakeEngine(config.network)
      let working = false
      const drawn: boolean[] = []
      const openStream: ReverseRequest['openStream'] = steps => {
        const stream = engine.openStream({ steps })
        return {
          pushMel: (frames, last) => stream.pushMel(frames, last),
          predict: async (...fed) => {
            working = true
            await sleep(20)
            working = false
            return stream.predict(...fed)
          },
          dispose: () => stream.dispose(),
        }
      }
      const counted = (): NoiseSource => {
        const noise = openNoise()
        return (draw, start, count) => {
          if (draw === 0) drawn.push(working)
          return noise(draw, start, count)
        }
      }
      const sampler = createSampler(config.diffusion)
      const request = { sampler, input, openNoise: counted, chunk: 512, openStream, prediction: 'epsilon' } as const
      for await (const _ of reverseProcess(request));
      assert.ok(drawn.length > 2)
      assert.deepEqual(drawn, [false, ...drawn.slice(1).map(() => whole)])
    })
  }

  test('returns audio while the mel is still arriving, and keeps few samples', async () => {
    const sampler = createSampler(config.diffusion)
    const frames = 200
    let given = 0
    async function* slowly() {
      const mel = someMel(frames)
      for (; given < frames; given++) yield sliceMel(mel, given, given + 1)
    }
    const engine = fakeEngine(config.network)
    const stream = reverseProcess({
      openStream: steps => engine.openStream({ steps }),
      sampler,
      prediction: 'epsilon',
      ...conditioned(slowly(), prior),
      chunk: 256,
    })
    await stream.next()
    assert.ok(given < 8, `${given} frames were read before the first audio`)
    for await (const piece of stream) assert.ok(piece.length <= 2 * 256)
    assert.ok(engine.mostKept < 6 * (2 * 37 + 256), `${engine.mostKept} samples kept`)
  })
})

describe('progress', () => {
  test('counts every pass over every sample, up to the total', async () => {
    const reports: Progress[] = []
    await collect({
      sampler: createSampler(config.diffusion, { steps: 11 }),
      ...conditioned(arriving(someMel(5), [2]), null),
      chunk: 500,
      onProgress: progress => reports.push(progress),
    })
    const total = 5 * 256 * 11
    assert.deepEqual(reports.at(-1), { done: total, total })
    assert.equal(reports[0]!.total, null)
    reports.forEach((report, i) => {
      assert.ok(i === 0 || report.done > reports[i - 1]!.done)
    })
  })
})

describe('stopping the reverse process', () => {
  test('by a signal works even while it waits for the mel', async () => {
    const controller = new AbortController()
    let closed = false
    async function* stalled() {
      try {
        yield someMel(1)
        await new Promise(() => {})
      } finally {
        closed = true
      }
    }
    setTimeout(() => controller.abort(), 20)
    const request = { sampler: createSampler(config.diffusion), chunk: 256 }
    await assert.rejects(collect({ ...request, ...conditioned(stalled(), null), signal: controller.signal }), {
      code: 'ABORTED',
    })
    assert.equal(closed, false) // it hangs for ever; nobody waits for it
    await assert.rejects(collect({ ...request, ...conditioned(someMel(4), null), signal: AbortSignal.abort() }), {
      code: 'ABORTED',
    })
  })

  test('by a signal works beside an engine that ignores it', async () => {
    const sampler = createSampler(config.diffusion)
    const passes = sampler.steps.length
    for (const last of [1, passes - 1]) {
      const controller = new AbortController()
      let reports = 0
      const request = {
        ...conditioned(someMel(4), null),
        sampler,
        chunk: 2048,
        signal: controller.signal,
        onProgress: () => {
          if (++reports === last) controller.abort()
        },
      }
      await assert.rejects(collect(request), { code: 'ABORTED' })
      assert.equal(reports, last)
    }
  })

  test('a batch stops at a signal, after any pass, and reports the passes it has done', async () => {
    const sampler = createSampler(config.diffusion)
    const passes = sampler.steps.length
    const run = (stopAfter: number) => {
      const controller = new AbortController()
      const done: Progress[] = []
      const result = reverseBatch({
        sampler,
        prediction: 'epsilon',
        noises: [seededNoise(1), seededNoise(2)],
        length: 10,
        signal: controller.signal,
        predict: async clips => clips.map(clip => clip.slice()),
        onProgress: progress => {
          done.push(progress)
          if (done.length === stopAfter) controller.abort()
        },
      })
      return { result, done }
    }
    for (const stopAfter of [1, passes]) {
      const { result, done } = run(stopAfter)
      await assert.rejects(result, { code: 'ABORTED' })
      assert.deepEqual(done.at(-1), { done: stopAfter * 20, total: passes * 20 })
    }
  })

  test('a batch whose network fails at once rejects with its error alone', async () => {
    const result = reverseBatch({
      sampler: createSampler(config.diffusion, { sampler: 'ddpm' }),
      prediction: 'epsilon',
      noises: [seededNoise(1)],
      length: 10,
      predict: () => Promise.reject(new Error('broken')),
    })
    // An unhandled rejection would fail this file.
    await assert.rejects(result, /broken/)
  })

  test('by leaving the stream early closes the network and the mel’s source', async () => {
    const engine = fakeEngine(config.network)
    let closed = false
    async function* endless() {
      try {
        while (true) yield someMel(3)
      } finally {
        closed = true
      }
    }
    const request = { sampler: createSampler(config.diffusion), chunk: 256 }
    for await (const _ of reverseProcess({
      ...request,
      openStream: steps => engine.openStream({ steps }),
      prediction: 'epsilon',
      ...conditioned(endless(), null),
    })) {
      break
    }
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(engine.open, 0)
    assert.equal(closed, true)
  })
})

describe('the input of the reverse process', () => {
  test('must be a mel with frames, all of the same number of bands', async () => {
    const request = { sampler: createSampler(config.diffusion), chunk: 256 }
    assert.throws(() => conditioned(someMel(0), null), { code: 'BAD_MEL' })
    await assert.rejects(collect({ ...request, ...conditioned([], null) }), { code: 'BAD_MEL' })
    const mixed = [someMel(3), { data: new Float32Array(12), bands: 4, frames: 3 }]
    await assert.rejects(collect({ ...request, ...conditioned(mixed, null) }), { code: 'BAD_MEL' })
  })

  test('may be a length instead of a mel', async () => {
    const generator = smallGeneratorConfig()
    const { samples, pieces } = await collect(
      {
        sampler: createSampler(generator.diffusion),
        openNoise: () => seededNoise(1),
        input: { length: 1000 },
        chunk: 128,
      },
      fakeEngine(generator.network),
    )
    assert.equal(samples.length, 1000)
    assert.ok(pieces.length > 4)
  })
})
