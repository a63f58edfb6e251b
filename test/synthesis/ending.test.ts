/** How a stream ends that nobody needs any more, above all one whose mel has stalled. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { wavBytes } from '#src/audio/codecs/wav-stream'
import { type Mel, namedConventions } from '#src/audio/mel/convention'
import { griffinLim } from '#src/audio/mel/griffin-lim'
import { melSpectrogram } from '#src/audio/mel/mel'
import { Denoiser } from '#src/denoiser/denoiser'
import { createEngine } from '#src/engines/select'
import { Generator } from '#src/generator'
import type { WholeClipOptions } from '#src/synthesis/options'
import { Vocoder } from '#src/vocoder'
import { someMel } from '../support/audio.js'
import { smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'
import { randomParameters } from '../support/parameters.js'

const timeout = 10_000
const over = { done: true, value: undefined }

/** A mel whose source yields some frames and then nothing more, and does not answer `return()` either. */
function stalling(frames: number) {
  let stall = () => {}
  const stalled = new Promise<void>(resolve => (stall = resolve))
  async function* pieces(): AsyncGenerator<Mel> {
    yield someMel(frames)
    stall()
    await new Promise(() => {})
  }
  return { mel: pieces(), stalled }
}

const config = smallVocoderConfig()

for (const engine of ['native', 'wasm'] as const) {
  describe(`a stream on ${engine} whose mel has stalled`, () => {
    const load = async () =>
      new Vocoder(
        new Denoiser(
          config,
          await createEngine(config.network, randomParameters(config.network, 1), { engine, threads: 1 }),
        ),
      )

    test('ends by return(), also through wavBytes, and the vocoder goes on', { timeout }, async () => {
      const vocoder = await load()
      const { samples } = await vocoder.synthesize(someMel(3), { seed: 1, refine: 2 })
      for (const bytes of [false, true]) {
        const { mel, stalled } = stalling(1)
        const audio = vocoder.stream(mel, { seed: 1, refine: 2 })
        const stream = bytes ? wavBytes(audio) : audio
        // The header.
        if (bytes) await stream.next()
        const pending = stream.next()
        await stalled
        assert.deepEqual(await stream.return(), over)
        assert.deepEqual(await pending, over)
        assert.deepEqual(await stream.next(), over)
      }
      assert.deepEqual((await vocoder.synthesize(someMel(3), { seed: 1, refine: 2 })).samples, samples)
      await vocoder.dispose()
    })

    test('ends by dispose() with DISPOSED, whether it waits or is read later', { timeout }, async () => {
      const vocoder = await load()
      const { mel, stalled } = stalling(1)
      const pending = vocoder.stream(mel, { seed: 1, refine: 2 }).next()
      await stalled
      const begun = vocoder.stream(stalling(40).mel, { seed: 1, refine: 2 })
      await begun.next()
      const unread = vocoder.stream(stalling(40).mel, { seed: 1 })
      const rejected = assert.rejects(pending, { code: 'DISPOSED' })
      await vocoder.dispose()
      await rejected
      for (const stream of [begun, unread]) await assert.rejects(stream.next(), { code: 'DISPOSED' })
      await vocoder.dispose()
    })
  })
}

test('dispose() ends whole clips with DISPOSED and stops their work', { timeout }, async () => {
  const model = fakeModel(config)
  const vocoder = new Vocoder(model)
  const running = vocoder.synthesize(someMel(4000), { seed: 1 })
  await sleep(5)
  const calls = model.engine.calls
  const rejected = assert.rejects(running, { code: 'DISPOSED' })
  await vocoder.dispose()
  await rejected
  await sleep(20)
  assert.ok(model.engine.calls <= calls + 2, `${model.engine.calls} calls, ${calls} before`)
  assert.equal(model.engine.open, 0)
})

test('clips() and batches() end a pending next() by return(), and with DISPOSED', { timeout }, async () => {
  for (const call of ['clips', 'batches'] as const) {
    const generator = new Generator(fakeModel(smallGeneratorConfig()))
    const left = generator[call]({ count: 40, seed: 1 })
    const pending = left.next()
    assert.deepEqual(await left.return(), over)
    assert.deepEqual(await pending, over)
    const cut = generator[call]({ count: 40, seed: 1 }).next()
    const rejected = assert.rejects(cut, { code: 'DISPOSED' })
    await generator.dispose()
    await rejected
  }
})

describe('a signal ends a call that waits for', () => {
  const hung = () => new Promise<void>(() => {})
  const vocoder = new Vocoder(fakeModel(config))
  const generator = new Generator(fakeModel(smallGeneratorConfig()))
  const sound = { samples: Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i / 9)) }
  const gaps = [{ start: 0.05, end: 0.06 }]
  const convention = namedConventions.lmnt
  const calls: Readonly<Record<string, (options: WholeClipOptions) => Promise<unknown>>> = {
    synthesize: options => vocoder.synthesize(someMel(8), { seed: 1, ...options }),
    generate: options => generator.generate({ seed: 1, seconds: 0.1, ...options }),
    inpaint: options =>
      generator.inpaint({ ...sound, sampleRate: generator.sampleRate }, { seed: 1, gaps, ...options }),
    griffinLim: ({ signal, onProgress }) =>
      griffinLim(melSpectrogram({ ...sound, sampleRate: 22_050 }, convention), convention, {
        signal,
        onProgress: onProgress ?? hung,
      }),
  }
  for (const callback of ['onProgress', 'onStep'] as const) {
    for (const [name, call] of Object.entries(calls)) {
      test(`${callback} of ${name}`, { timeout }, async () => {
        const stop = new AbortController()
        const running = call({ signal: stop.signal, [callback]: hung })
        const rejected = assert.rejects(running, { code: 'ABORTED', cause: 'enough' })
        await sleep(50)
        stop.abort('enough')
        await rejected
      })
    }
  }
})
