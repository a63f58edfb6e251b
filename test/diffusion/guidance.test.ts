/** Classifier-free guidance over two streams. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guided, guidedStream } from '#src/diffusion/guidance'
import type { PassStream } from '#src/diffusion/reverse'

/** Streams that predict their label, or 0 without one. Counts how many are open, and keeps what mels they got. */
function countedStreams() {
  const count = { open: 0, mels: [] as unknown[] }
  const open = (label: number | null): PassStream => {
    count.open++
    return {
      pushMel: (mel, last) => void count.mels.push([label, mel, last]),
      predict: async (_pass, audio) => audio.map(() => label ?? 0),
      dispose: () => {
        count.open--
      },
    }
  }
  return { count, open }
}

describe('guidance', () => {
  test('is (1 + w)·ε_label − w·ε_none', () => {
    assert.deepEqual(guided(Float32Array.of(3, 5), Float32Array.of(1, 2), 0.5), Float32Array.of(4, 6.5))
  })

  test('combines the streams of a label and of none, and disposes of both', async () => {
    const { count, open } = countedStreams()
    const stream = guidedStream(open, 2, 0.5)
    assert.deepEqual(await stream.predict(0, new Float32Array(3), true), Float32Array.of(3, 3, 3))
    assert.equal(count.open, 2)
    const mel = { data: new Float32Array(2), bands: 1, frames: 2 }
    stream.pushMel(mel, true)
    assert.deepEqual(count.mels, [
      [2, mel, true],
      [null, mel, true],
    ])
    stream.dispose()
    assert.equal(count.open, 0)
  })

  test('refuses streams that give different lengths', async () => {
    const { open } = countedStreams()
    const uneven = (label: number | null): PassStream =>
      label === null ? { ...open(label), predict: async () => new Float32Array(1) } : open(label)
    const made = guidedStream(uneven, 2, 0.5).predict(0, new Float32Array(3), true)
    await assert.rejects(made, { code: 'ENGINE_FAILED' })
  })

  test('leaves no stream open if the second one cannot be opened', () => {
    const { count, open } = countedStreams()
    const failing = (label: number | null) => (label === null ? assert.fail('no memory') : open(label))
    assert.throws(() => guidedStream(failing, 2, 0.5), /no memory/)
    assert.equal(count.open, 0)
  })
})
