/** Cutting recordings into clips. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClipSet, spreadOver } from '#src/evaluation/generator/clip-set'
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
  // macOS decomposes the names of folders, and models compose their labels.
  set.add({ name: 'accent', samples: melody(1, 1), label: 'e\u0301' })
  assert.equal(set.clips.at(-1)!.label, '\u00e9')
})

test('leaves out silent clips unless all count, and keeps the samples of each', () => {
  const set = new ClipSet(MELODY_RATE, MELODY_RATE, 1, true)
  const samples = melody(1, 3)
  samples.fill(0, 0.9 * MELODY_RATE, 2.1 * MELODY_RATE)
  for (const all of [false, true]) set.add({ name: 'gap', samples, label: '' }, all)
  assert.deepEqual(
    set.clips.map(({ name }) => name),
    ['gap', 'gap at 2.00 s', 'gap', 'gap at 1.00 s', 'gap at 2.00 s'],
  )
  const second = (from: number) => samples.subarray(from * MELODY_RATE, (from + 1) * MELODY_RATE)
  assert.deepEqual(set.audio, [0, 2, 0, 1, 2].map(second))
  assert.notDeepEqual(set.pattern(set.clips[0]!), set.pattern(set.clips[1]!))
})

test('takes up to one and a half clips as one, and cuts clips of any length', () => {
  const count = (samples: number, length = MELODY_RATE) => {
    const set = new ClipSet(MELODY_RATE, length, 2)
    set.add({ name: 'x', samples: melody(1, 2).subarray(0, samples), label: '' })
    return set.clips.length
  }
  assert.deepEqual([count(12_000), count(12_064)], [1, 2])
  // Four frames of 64 samples are the least, and a step is at least one frame.
  assert.equal(new ClipSet(MELODY_RATE, 64).frames, 4)
  const short = new ClipSet(MELODY_RATE, 64, 6)
  short.add({ name: 'x', samples: melody(1).subarray(0, 640), label: '' })
  assert.equal(short.clips.length, 10)
})

test('spreadOver takes items at equal distances, and no more than asked for', () => {
  assert.deepEqual(spreadOver([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4), [0, 3, 6, 9])
  assert.deepEqual([spreadOver([], 4), spreadOver([1, 2], 4)], [[], [1, 2]])
})
