/** Clips made before, and the labels of clips to make. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClipSet, readClips } from '#src/evaluation/generator/clip-set'
import { labelsInTurn, readGeneratedClips, usualSeconds } from '#src/evaluation/generator/generated-clips'
import { scratch } from '../../support/process.js'
import { MELODY_RATE, melody, wav } from '../../support/sounds.js'

const { at, put } = scratch()

test('readGeneratedClips takes labels from file names and lists unreadable files', async () => {
  put('made/low-12.wav', wav(melody(1), MELODY_RATE))
  put('made/low-13.wav', wav(melody(1, 3), 2 * MELODY_RATE))
  put('made/plain.wav', wav(melody(1, 5), MELODY_RATE))
  put('made/snare/low-1.wav', wav(melody(1, 2), MELODY_RATE))
  put('made/bad-1.wav', 'RIFF')
  const made = await readGeneratedClips(at('made'))
  // All have the rate of the first.
  const seconds = (samples: Float32Array) => samples.length / MELODY_RATE
  assert.deepEqual(
    made.clips.map(({ name, label, samples }) => [name, label, seconds(samples)]),
    [
      ['low-12', 'low', 1],
      ['low-13', 'low', 1.5],
      ['plain', '', 5],
      ['snare/low-1', 'snare', 2],
    ],
  )
  assert.equal(made.leftOut.length, 1)
  assert.equal(usualSeconds(made.clips, made.sampleRate), 1.75)
  await assert.rejects(readGeneratedClips(at('made'), AbortSignal.abort()), { code: 'ABORTED' })
  put('broken/bad-1.wav', 'RIFF')
  await assert.rejects(readGeneratedClips(at('broken')), { code: 'BAD_DATA' })

  const set = new ClipSet(2 * MELODY_RATE, 2 * MELODY_RATE, 1, true)
  await readClips(at('made/snare'), set, [])
  // What another folder left out does not explain why this one is empty.
  put('empty/notes.txt', '')
  const leftOut = [{ file: at('broken/bad-1.wav'), reason: 'damaged' }]
  await assert.rejects(readClips(at('empty'), new ClipSet(MELODY_RATE, MELODY_RATE), leftOut), {
    code: 'BAD_DATA',
    got: 'no recordings, or only silence',
  })
  assert.deepEqual(
    set.audio.map(({ length }) => length),
    [2 * MELODY_RATE, 2 * MELODY_RATE],
  )
})

test('labelsInTurn cycles through the labels, unless one is given or they are drawn', () => {
  assert.deepEqual(labelsInTurn(['kick', 'snare'], false, undefined), ['kick', 'snare'])
  assert.deepEqual(labelsInTurn(['kick', 'snare'], false, 'snare'), ['snare'])
  assert.equal(labelsInTurn(['kick', 'snare'], true, undefined), undefined)
  assert.equal(labelsInTurn([], false, undefined), undefined)
})
