/** Errors that are sent between threads. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiffWaveError, type ErrorDetails } from '#src/core/errors'
import { receivedError, sentError } from '#src/core/sent-error'

test('an error is received as it was sent, with its message and its details', () => {
  const all: readonly ErrorDetails[] = [
    {},
    { hint: 'Try again.' },
    { where: 'a (b).wav' },
    { expected: 'x'.repeat(500), got: 'one, got two', where: 'a.wav', hint: 'Try again.' },
  ]
  for (const details of all) {
    for (const problem of ['it is wrong', 'wrong '.repeat(100)]) {
      const error = new DiffWaveError('BAD_DATA', problem, { ...details, cause: new Error('a cause') })
      const received = receivedError(structuredClone(sentError(error)))
      for (const key of ['code', 'message', 'problem', 'expected', 'got', 'where', 'hint'] as const) {
        assert.equal(received[key], error[key], key)
      }
    }
  }
})
