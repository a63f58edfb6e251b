import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiffWaveError, faultIn } from '#src/core/errors'

test('a DiffWaveError reads as one line: problem, expected, got, where', () => {
  const error = new DiffWaveError('BAD_SHAPE', 'a mel has the wrong bands', {
    expected: '80',
    got: '64',
    where: 'a.npy',
  })
  assert.equal(error.message, 'a mel has the wrong bands, expected 80, got 64 (a.npy)')
  assert.equal(error.code, 'BAD_SHAPE')
  assert.equal(error.problem, 'a mel has the wrong bands')
})

test('the reason why a file is left out does not name that file, but may name others', () => {
  const error = new DiffWaveError('BAD_WAV', 'too short (a.wav)', { got: '1 sample', where: 'a.wav' })
  assert.equal(faultIn('a.wav', error), 'too short (a.wav), got 1 sample')
  assert.equal(faultIn('b.wav', error), 'too short (a.wav), got 1 sample (a.wav)')
  assert.equal(faultIn('a.wav', new Error('no memory (a.wav)')), 'no memory (a.wav)')
})
