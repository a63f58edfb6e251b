/** Classifier-free guidance over two streams. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guided, guidedStream } from '#src/diffusion/guidance'
import type { PassStream } from '#src/diffusion/reverse'

/** A stream that predicts its label, or 0 without one, and counts how many are open. */
function countedStreams() {
  const count = { open: 0 }
  const open = (label: number | null): PassStream => {
    count.open++
    return {
      pushMel: () => {},
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
    stream.dispose()
    assert.equal(count.open, 0)
  })

  test('leaves no stream open if the second one cannot be opened', () => {
    const { count, open } = countedStreams()
    const failing = (label: number | null) => (label === null ? assert.fail('no memory') : open(label))
    assert.throws(() => guidedStream(failing, 2, 0.5), /no memory/)
    assert.equal(count.open, 0)
  })
})
