import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiffWaveError } from '#src/core/errors'

test('a DiffWaveError reads as one line: problem, expected, got, where', () => {
  const error = new DiffWaveError('BAD_SHAPE', 'a mel has the wrong bands', {
    expected: '80',
    got: '64',
    where: 'a.npy',
  })
  assert.equal(error.message, 'a mel has the wrong bands, expected 80, got 64 (a.npy)')
  assert.equal(error.code, 'BAD_SHAPE')
})
