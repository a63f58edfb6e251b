/** A queue of rows, which arrive in order and are dropped from the front. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { concatenateAudio, concatenateBytes } from '#src/core/concatenate'
import { RowQueue } from '#src/core/row-queue'

describe('RowQueue', () => {
  test('returns the rows that arrived, however they are appended and forgotten', () => {
    const step = fc.record({ rows: fc.nat(5), keep: fc.nat(6) })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 12 }), (width, steps) => {
        const queue = new RowQueue(Float64Array, width)
        let [first, end] = [0, 0]
        for (const { rows, keep } of steps) {
          queue.append(Float64Array.from({ length: rows * width }, (_, i) => end * width + i))
          end += rows
          queue.forget(end - keep)
          first = Math.max(first, end - keep)
          assert.deepEqual([queue.first, queue.end], [first, end])
          const expected = Array.from({ length: (end - first) * width }, (_, i) => first * width + i)
          assert.deepEqual([...queue.rows(first, end)], expected)
        }
      }),
    )
  })

  test('ignores forgetting a row twice, and never forgets rows still to come', () => {
    const queue = new RowQueue(Float32Array, 2)
    queue.append(Float32Array.of(1, 2, 3, 4))
    queue.forget(1)
    queue.forget(0)
    assert.deepEqual([queue.first, [...queue.rows(1, 2)]], [1, [3, 4]])
    queue.forget(5)
    assert.deepEqual([queue.first, queue.end], [2, 2])
    queue.append(Float32Array.of(5, 6))
    assert.deepEqual([...queue.rows(2, 3)], [5, 6])
  })

  test('rarely moves its rows while it only grows, or only shrinks', () => {
    const queue = new RowQueue(Float32Array, 3)
    const memories = new Set<unknown>()
    for (let row = 0; row < 10_000; row++) {
      queue.append(Float32Array.of(row, row, row))
      memories.add(queue.rows(0, 1).buffer)
    }
    for (let row = 0; row < 9_999; row++) {
      queue.forget(row)
      memories.add(queue.rows(9_999, 10_000).buffer)
    }
    assert.ok(memories.size < 60, `${memories.size} times`)
    assert.deepEqual([...queue.rows(9_999, 10_000)], [9_999, 9_999, 9_999])
    assert.ok(queue.rows(9_999, 10_000).buffer.byteLength < 100)
  })

  test('refuses rows that were forgotten or have not arrived', () => {
    const queue = new RowQueue(Float32Array, 1)
    queue.append(Float32Array.of(1, 2, 3))
    queue.forget(1)
    assert.throws(() => queue.rows(0, 2), RangeError)
    assert.throws(() => queue.rows(2, 4), RangeError)
  })
})

test('concatenateAudio and concatenateBytes join pieces in order', () => {
  assert.deepEqual([...concatenateAudio([Float32Array.of(1), new Float32Array(0), Float32Array.of(2, 3)])], [1, 2, 3])
  assert.deepEqual([...concatenateBytes([Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)])], [1, 2, 3])
  assert.deepEqual(concatenateBytes([]), new Uint8Array(0))
})
