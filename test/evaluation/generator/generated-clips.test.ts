/** Clips made before, and the labels of clips to make. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelsInTurn, readGeneratedClips, usualSeconds } from '#src/evaluation/generator/generated-clips'
import { scratch } from '../../support/process.js'
import { MELODY_RATE, melody, wav } from '../../support/sounds.js'

const { at, put } = scratch()

test('readGeneratedClips takes labels from file names and lists unreadable files', async () => {
  put('made/low-12.wav', wav(melody(1), MELODY_RATE))
  put('made/bad-1.wav', 'RIFF')
  const made = await readGeneratedClips(at('made'))
  assert.deepEqual(
    made.clips.map(({ name, label }) => [name, label]),
    [['low-12', 'low']],
  )
  assert.equal(made.leftOut.length, 1)
  assert.equal(usualSeconds(made.clips, made.sampleRate), 1)
})

test('labelsInTurn cycles through the labels, unless one is given or they are drawn', () => {
  assert.deepEqual(labelsInTurn(['kick', 'snare'], false, undefined), ['kick', 'snare'])
  assert.deepEqual(labelsInTurn(['kick', 'snare'], false, 'snare'), ['snare'])
  assert.equal(labelsInTurn(['kick', 'snare'], true, undefined), undefined)
  assert.equal(labelsInTurn([], false, undefined), undefined)
})
