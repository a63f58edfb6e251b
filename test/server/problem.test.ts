/** Problem documents, which clients receive for errors. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { abortError, DiffWaveError } from '#src/core/errors'
import { createGuard } from '#src/server/http/guard'
import { ModelCache } from '#src/server/model-cache'
import { isFault, problemOf } from '#src/server/problem'
import { Refusal, shuttingDown } from '#src/server/refusal'
import { TrainingRuns } from '#src/server/training-runs'

describe('the problem document of an error', () => {
  test('says that the type of a body is unsupported if its decoder is not installed', () => {
    const error = new DiffWaveError('MISSING_PACKAGE', 'MP3 cannot be read: the package is not installed', {
      hint: 'npm install mpg123-decoder',
    })
    assert.equal(isFault(error), false)
    const { status, code, detail } = problemOf(error)
    assert.deepEqual([status, code], [415, 'MISSING_PACKAGE'])
    assert.match(detail, /^MP3 cannot be read/)
  })

  test('has the clauses of the error, and no others', () => {
    const words = { expected: 'one of seed, steps', where: 'options of vocode', hint: 'Did you mean seed?' }
    const common = { type: 'about:blank', title: 'Bad Request', status: 400, code: 'BAD_OPTION' }
    assert.deepEqual(problemOf(new DiffWaveError('BAD_OPTION', 'unknown field sede', { ...words, got: '' })), {
      ...common,
      detail: 'Unknown field sede, expected one of seed, steps (options of vocode)',
      problem: 'Unknown field sede',
      ...words,
    })
    assert.deepEqual(problemOf(new Refusal(400, 'BAD_REQUEST', 'the request is malformed', { retryAfter: 1 })), {
      ...{ ...common, code: 'BAD_REQUEST', detail: 'The request is malformed', problem: 'The request is malformed' },
      retryAfter: 1,
    })
  })

  test('says that work was stopped, which is no fault of the service', () => {
    assert.equal(isFault(abortError()), false)
    const { status, code } = problemOf(abortError())
    assert.deepEqual([status, code], [503, 'ABORTED'])
  })

  test('does not speak of options if they are not what is wrong', async () => {
    const guard = createGuard({ token: 'correct-horse', cors: [], host: '0.0.0.0' })
    const models = new ModelCache({ sources: new Map(), engine: {}, maxBytes: 1 })
    const thrown = await Promise.allSettled([
      ...[new TrainingRuns([]).folder('none'), models.firstOf('vocoder')],
      ...[Promise.reject(abortError()), Promise.reject(shuttingDown()), (async () => guard({}, false))()],
    ])
    for (const one of thrown) {
      const { code, expected, hint } = problemOf((one as PromiseRejectedResult).reason)
      assert.doesNotMatch(`${expected} ${hint}`, /option|documented/, code)
    }
  })

  test('reveals nothing about a fault of the service', () => {
    for (const error of [new TypeError('secret'), new DiffWaveError('ENGINE_FAILED', 'secret')]) {
      assert.ok(isFault(error))
      const problem = problemOf(error)
      assert.equal(problem.status, 500)
      assert.doesNotMatch(JSON.stringify(problem), /secret/)
    }
  })
})
