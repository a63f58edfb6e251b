/** A MelFeed passes the mel of one clip to several readers. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Mel, namedConventions } from '#src/audio/mel/convention'
import { MelFeed } from '#src/audio/mel/feed'
import { sliceMel } from '#src/audio/mel/frames'
import type { MelPiece } from '#src/audio/mel/source'
import { gaussian } from '#src/core/random'

const convention = namedConventions.lmnt
const mel: Mel = { data: gaussian(1, 0, 0, 80 * 10).map(v => 0.5 + 0.1 * v), bands: 80, frames: 10 }

async function* arriving(frames = 10, size = 3) {
  for (let start = 0; start < frames; start += size) yield sliceMel(mel, start, Math.min(frames, start + size))
}

async function pieces(feed: MelFeed, framesAtOnce: number, last: boolean): Promise<MelPiece[]> {
  const all: MelPiece[] = []
  for await (const piece of feed.read(framesAtOnce, last, undefined)) all.push(piece)
  return all
}

/** Pieces put together. */
function joined(parts: readonly MelPiece[]): Mel {
  const frames = parts.reduce((sum, { mel }) => sum + mel.frames, 0)
  const data = new Float32Array(80 * frames)
  let at = 0
  for (const { mel } of parts) {
    for (let band = 0; band < 80; band++) {
      data.set(mel.data.subarray(band * mel.frames, (band + 1) * mel.frames), band * frames + at)
    }
    at += mel.frames
  }
  return { data, bands: 80, frames }
}

describe('reading a MelFeed', () => {
  test('yields every frame once, in pieces of at most the requested size', async () => {
    for (const source of [mel, arriving()]) {
      const parts = await pieces(new MelFeed(source, convention), 4, true)
      assert.ok(parts.every(({ mel }) => mel.frames <= 4))
      assert.deepEqual(joined(parts), mel)
      assert.deepEqual(
        parts.map(({ last }) => last),
        parts.map((_, i) => i === parts.length - 1),
      )
    }
  })

  test('can be repeated, also for a mel that arrives over time', async () => {
    for (const source of [mel, arriving()]) {
      const feed = new MelFeed(source, convention)
      assert.deepEqual(joined(await pieces(feed, 4, false)), mel)
      assert.deepEqual(joined(await pieces(feed, 2, false)), mel)
      assert.deepEqual(joined(await pieces(feed, 5, true)), mel)
    }
  })

  test('refuses bare numbers, and says how to pass them', () => {
    const refused = { code: 'BAD_MEL', hint: /bands, frames/ }
    assert.throws(() => new MelFeed(new Float32Array(80) as never, convention), refused)
  })

  test('passes over pieces without frames', async () => {
    const none: Mel = { data: new Float32Array(0), bands: 80, frames: 0 }
    const feed = new MelFeed([none, sliceMel(mel, 0, 4), none, sliceMel(mel, 4, 10), none], convention)
    assert.deepEqual(joined(await pieces(feed, 4, true)), mel)
    const refused = { name: 'DiffWaveError', code: 'BAD_MEL' }
    await assert.rejects(pieces(new MelFeed([none], convention), 4, true), refused)
    const hollow = { ...none, data: new Float32Array(80) }
    await assert.rejects(pieces(new MelFeed([hollow, mel], convention), 4, true), refused)
  })

  const changes = {
    transferred: (buffer: ArrayBuffer) => void structuredClone(buffer, { transfer: [buffer] }),
    resized: (buffer: ArrayBuffer) => (buffer as ArrayBuffer & { resize(bytes: number): void }).resize(0),
  } as const
  for (const [how, change] of Object.entries(changes)) {
    test(`refuses a mel whose buffer is ${how} meanwhile`, async () => {
      const bytes = mel.data.byteLength
      for (const inPieces of [false, true]) {
        const buffer: ArrayBuffer = Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: bytes }])
        const own: Mel = { ...mel, data: new Float32Array(buffer) }
        own.data.set(mel.data)
        const feed = new MelFeed(inPieces ? [own] : own, convention)
        const reading = feed.read(4, true, undefined)
        await reading.next()
        change(buffer)
        await assert.rejects(reading.next(), { code: 'BAD_MEL', got: '0' })
      }
    })
  }

  test('finds the length at the end of a mel that does not announce it', async () => {
    const feed = new MelFeed(arriving(), convention)
    assert.equal(feed.length, null)
    for await (const { last } of feed.read(4, true, undefined)) assert.equal(feed.length, last ? 10 * 256 : null)
    assert.equal(feed.length, 10 * 256)
    assert.equal(new MelFeed(Object.assign(arriving(), { frames: 10 }), convention).length, 10 * 256)
    assert.equal(new MelFeed(mel, convention).length, 10 * 256)
  })
})

describe('readers of a MelFeed', () => {
  test('receive a piece before it is yielded, and only once', async () => {
    const feed = new MelFeed(arriving(), convention)
    const reader = feed.lastReader()
    let count = 0
    for await (const piece of feed.read(4, true, undefined)) {
      assert.deepEqual(reader.take(), [piece])
      assert.deepEqual(reader.take(), [])
      count++
    }
    assert.ok(count > 1)
  })

  test('receive the mel once, whether they wait for the next or the last reading', async () => {
    const feed = new MelFeed(arriving(), convention)
    const [first, last] = [feed.nextReader(), feed.lastReader()]
    await pieces(feed, 4, false)
    assert.deepEqual(joined(first.take()), mel)
    assert.deepEqual(last.take(), [])
    const second = feed.nextReader()
    await pieces(feed, 4, true)
    assert.deepEqual(first.take(), [])
    assert.deepEqual(joined(second.take()), mel)
    assert.deepEqual(joined(last.take()), mel)
  })
})

describe('the checks of a MelFeed', () => {
  test('run at once for a whole mel, and piece by piece for one that arrives', async () => {
    const wrong = { ...mel, data: mel.data.map(v => v - 20) }
    assert.throws(() => new MelFeed(wrong, convention), { code: 'MEL_RANGE' })
    await assert.rejects(pieces(new MelFeed([mel, wrong], convention), 4, true), { code: 'MEL_RANGE' })
    const bands = [mel, { data: new Float32Array(12).fill(0.5), bands: 4, frames: 3 }]
    await assert.rejects(pieces(new MelFeed(bands, convention), 4, true), { code: 'BAD_MEL' })
  })

  test('refuse a mel of fewer frames than announced', async () => {
    const short = new MelFeed(Object.assign(arriving(9), { frames: 10 }), convention)
    await assert.rejects(pieces(short, 4, true), { code: 'BAD_MEL', expected: '10', got: '9' })
  })
})
