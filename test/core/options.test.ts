/** Options are checked once, in public functions. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { DiffWaveError } from '#src/core/errors'
import { check } from '#src/core/options'

const schema = z.strictObject({
  steps: z.number().default(6),
  seed: z.number().optional(),
  limits: z.strictObject({ seconds: z.number() }).partial().readonly().optional(),
  gaps: z.array(z.strictObject({ start: z.number() })).optional(),
  voices: z.record(z.string(), z.strictObject({ gain: z.number() })).optional(),
  mode: z.union([z.strictObject({ depth: z.number() }), z.null()]).optional(),
})

/** The error for a value that is refused. */
function refusal(value: unknown): DiffWaveError {
  try {
    // The built package carries a copy of zod of its own.
    check(schema as never, value, 'options')
  } catch (error) {
    assert.ok(error instanceof DiffWaveError)
    assert.equal(error.code, 'BAD_OPTION')
    return error
  }
  return assert.fail('the value was not refused')
}

describe('check refuses unknown fields', () => {
  const cases: readonly [what: string, value: unknown, message: string, hint: string | undefined][] = [
    ['a mistyped one', { step: 4 }, 'unknown field step', 'Did you mean steps?'],
    ['one like no other', { colour: 4 }, 'unknown field colour', undefined],
    ['one of a nested object', { limits: { second: 1 } }, 'unknown field limits.second', 'Did you mean seconds?'],
    ['one in an array', { gaps: [{ strat: 1 }] }, 'gaps.0.start: invalid input', undefined],
    ['one in an array beside what is right', { gaps: [{ start: 0, star: 1 }] }, 'unknown field gaps.0.star', 'start'],
    ['one in a record', { voices: { a: { gain: 1, gian: 1 } } }, 'unknown field voices.a.gian', 'gain'],
    ['several', { step: 4, sede: 1 }, 'unknown field step, sede', undefined],
    ['one of a choice', { mode: { depth: 1, dept: 2 } }, 'unknown field mode.dept', 'Did you mean depth?'],
    ['an array in place of the options', [1, 2], 'invalid input', undefined],
    ['a name of every object', { constructor: 1 }, 'unknown field constructor', undefined],
  ]
  for (const [what, value, message, hint] of cases) {
    test(`${what}${hint === undefined ? '' : ', and suggests the nearest name'}`, () => {
      const error = refusal(value)
      assert.ok(error.message.includes(message), error.message)
      if (hint === undefined) assert.equal(error.hint, undefined)
      else assert.ok(error.hint?.includes(hint), error.hint)
    })
  }
})
