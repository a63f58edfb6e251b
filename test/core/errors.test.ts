import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiffWaveError, messageWithout } from '#src/core/errors'

test('a DiffWaveError reads as one line: problem, expected, got, where', () => {
  const error = new DiffWaveError('BAD_SHAPE', 'a mel has the wrong bands', {
    expected: '80',
    got: '64',
    where: 'a.npy',
  })
  assert.equal(error.message, 'a mel has the wrong bands, expected 80, got 64 (a.npy)')
  assert.equal(error.code, 'BAD_SHAPE')
})

test('messageWithout leaves out the path at the end of a message, and no other', () => {
  const error = new DiffWaveError('BAD_WAV', 'no samples', { where: 'a (1).wav' })
  assert.equal(messageWithout('a (1).wav', error), 'no samples')
  assert.equal(messageWithout('b.wav', error), 'no samples (a (1).wav)')
})
