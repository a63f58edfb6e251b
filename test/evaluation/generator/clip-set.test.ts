/** Cutting recordings into clips. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClipSet } from '#src/evaluation/generator/clip-set'
import { MELODY_RATE, melody } from '../../support/sounds.js'

test('cuts long recordings into clips, each with the label at its middle', () => {
  const set = new ClipSet(MELODY_RATE, MELODY_RATE, 2)
  set.add({ name: 'long', samples: melody(1, 3), label: '' })
  assert.deepEqual(
    set.clips.map(({ name }) => name),
    ['long', 'long at 0.50 s', 'long at 0.99 s', 'long at 1.49 s', 'long at 1.98 s'],
  )
  const parts = [
    { from: 0, label: 'low' },
    { from: 1.5, label: 'high' },
  ]
  set.add({ name: 'changes', samples: melody(1, 3), label: parts })
  assert.deepEqual(
    set.clips.slice(5).map(({ label }) => label),
    ['low', 'low', 'low', 'high', 'high'],
  )
})
