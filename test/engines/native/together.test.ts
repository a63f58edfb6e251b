/** Several clips at once, one thread each, give the bytes of each clip alone. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { Mel } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'
import type { Engine } from '#src/engines/engine'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { networkSchema } from '#src/model/network'
import { smallStepEmbedding } from '../../support/configs.js'
import { code } from '../../support/errors.js'
import { randomParameters } from '../../support/parameters.js'

const { available } = surveyNative()
const HOP = 36
const network = networkSchema.parse({
  stepEmbedding: smallStepEmbedding,
  channels: 20,
  layers: 7,
  dilationCycle: 6,
  patch: 4,
  labels: ['a', 'b'],
  mel: { kind: 'frame-rate', bands: 6, hop: HOP, encoder: [10] },
})
const parameters = randomParameters(network, 3)
const engines: Engine[] = []
after(() => Promise.all(engines.map(engine => engine.dispose())))

async function engineOf(threads: number): Promise<Engine> {
  const engine = await createNativeEngine({ network, parameters, threads })
  engines.push(engine)
  return engine
}

interface Clip {
  readonly audio: Float32Array
  readonly mel: Mel
  readonly label: number | null
}

function clipOf(i: number, frames: number): Clip {
  return {
    audio: gaussian(1, i, 0, frames * HOP),
    mel: { data: gaussian(2, i, 0, frames * 6), bands: 6, frames },
    label: i % 3 === 0 ? null : (i % 3) - 1,
  }
}

const batchOf = (clips: readonly Clip[]) => ({
  audio: clips.map(clip => clip.audio),
  steps: clips.map((_, i) => i + 0.5),
  mel: clips.map(clip => clip.mel),
  labels: clips.map(clip => clip.label),
})

describe('clips of a batch', { skip: !available }, () => {
  for (const frames of [
    [30, 30],
    [30, 30, 30, 30, 30],
    [30, 31, 29, 30, 33, 30, 30],
    [200, 3, 2, 1],
    [1, 2, 3, 400],
  ]) {
    test(`of ${frames.join(', ')} frames have the bytes of each clip alone`, async () => {
      const clips = frames.map((count, i) => clipOf(i, count))
      const batch = batchOf(clips)
      const one = await engineOf(1)
      const expected: Float32Array[] = []
      for (const [i, clip] of clips.entries()) {
        const [noise] = await one.predict({ ...batchOf([clip]), steps: [batch.steps[i]!] })
        expected.push(noise!)
      }
      for (const threads of [1, 2, 3, 5]) {
        assert.deepEqual(await (await engineOf(threads)).predict(batch), expected, `${threads} threads`)
      }
    })
  }

  test('all stop on a signal', async () => {
    const engine = await engineOf(2)
    const clips = Array.from({ length: 6 }, (_, i) => clipOf(i, 100))
    const stop = new AbortController()
    const running = engine.predict({ ...batchOf(clips), signal: stop.signal })
    stop.abort()
    await assert.rejects(running, code('ABORTED'))
    assert.equal((await engine.predict(batchOf(clips.slice(0, 2)))).length, 2)
  })
})

describe('streams that are fed concurrently', { skip: !available }, () => {
  const clips = [clipOf(1, 90), clipOf(2, 90)]

  /** Two passes over each clip in uneven pieces, the clips one after the other or at the same time. */
  async function run(engine: Engine, together: boolean): Promise<Float32Array[][]> {
    const streams = clips.map(({ mel, label }) => {
      const stream = engine.openStream({ steps: [3, 7], label })
      stream.pushMel(mel, true)
      return stream
    })
    const results: Float32Array[][] = []
    for (let from = 0; from < clips[0]!.audio.length; ) {
      const to = Math.min(clips[0]!.audio.length, from + 4 * (50 + Math.floor(from / 8)))
      for (const pass of [0, 1]) {
        const feed = (i: number) =>
          streams[i]!.predict(pass, clips[i]!.audio.slice(from, to), to === clips[0]!.audio.length)
        results.push(together ? await Promise.all([feed(0), feed(1)]) : [await feed(0), await feed(1)])
      }
      from = to
    }
    for (const stream of streams) stream.dispose()
    return results
  }

  test('give the bytes of streams fed one after the other', async () => {
    const expected = await run(await engineOf(1), false)
    for (const threads of [1, 2, 3]) {
      assert.deepEqual(await run(await engineOf(threads), true), expected, `${threads} threads`)
    }
  })

  test('can be stopped one by one', async () => {
    const engine = await engineOf(2)
    const open = (i: number) => {
      const stream = engine.openStream({ steps: [3], label: clips[i]!.label })
      stream.pushMel(clips[i]!.mel, true)
      return stream
    }
    const [first, second] = [open(0), open(1)]
    const stop = new AbortController()
    const stopped = first.predict(0, clips[0]!.audio, true, stop.signal)
    const running = second.predict(0, clips[1]!.audio, true)
    stop.abort()
    await assert.rejects(stopped, code('ABORTED'))
    const [expected] = await engine.predict({ ...batchOf([clips[1]!]), steps: [3] })
    assert.deepEqual(await running, expected)
  })

  test('report DISPOSED for the one that was disposed, while the others continue', async () => {
    const engine = await engineOf(2)
    const streams = clips.map(({ mel, label }) => {
      const stream = engine.openStream({ steps: [3], label })
      stream.pushMel(mel, true)
      return stream
    })
    const running = streams.map((stream, i) => stream.predict(0, clips[i]!.audio, true))
    streams[0]!.dispose()
    await assert.rejects(running[0]!, code('DISPOSED'))
    assert.equal((await running[1]!).length, clips[1]!.audio.length)
  })
  test('take their own pieces one after the other', async () => {
    const engine = await engineOf(2)
    const { mel, label, audio } = clips[0]!
    const half = audio.length / 2
    const results: Float32Array[][] = []
    for (const count of [1, 2]) {
      const stream = engine.openStream({ steps: [3], label })
      stream.pushMel(mel, true)
      const pieces = count === 1 ? [audio] : [audio.slice(0, half), audio.slice(half)]
      results.push(await Promise.all(pieces.map((piece, i) => stream.predict(0, piece, i === count - 1))))
    }
    assert.deepEqual([...results[1]!.flatMap(piece => [...piece])], [...results[0]![0]!])
  })
})
