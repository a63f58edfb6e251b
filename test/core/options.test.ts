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
  threads: z.number().int().min(1).max(256).optional(),
  names: z.array(z.string().min(1)).min(1).optional(),
  sampler: z.enum(['ddpm', 'ddim']).optional(),
  mel: z.union([z.enum(['lmnt', 'vocos']), z.strictObject({ hop: z.number() })]).optional(),
  prior: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('energy') }),
      z.strictObject({ kind: z.literal('x') }),
    ])
    .optional(),
  onStep: z.custom<() => void>(value => typeof value === 'function', 'expected a function').optional(),
  token: z
    .string()
    .regex(/^[!-~]+$/, 'expected no spaces')
    .optional(),
  fade: z
    .number()
    .refine(value => value !== 3, 'must not be 3')
    .optional(),
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
    ['one in place of another', { gaps: [{ strat: 1 }] }, 'unknown field gaps.0.strat', 'Did you mean start?'],
    ['one in an array beside what is right', { gaps: [{ start: 0, star: 1 }] }, 'unknown field gaps.0.star', 'start'],
    ['one in a record', { voices: { a: { gain: 1, gian: 1 } } }, 'unknown field voices.a.gian', 'gain'],
    ['several', { step: 4, sede: 1 }, 'unknown fields step, sede', undefined],
    ['one of a choice', { mode: { depth: 1, dept: 2 } }, 'unknown field mode.dept', 'Did you mean depth?'],
    ['an array in place of the options', [1, 2], 'the value is of the wrong type', undefined],
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

test('a field is refused with those that there are', () => {
  assert.equal(refusal({ limits: { second: 1 } }).expected, 'one of seconds')
  assert.match(refusal({ colour: 4 }).expected!, /^one of 14 names \(steps, seed, /)
})

describe('a value that is not allowed', () => {
  const cases: readonly [what: string, value: unknown, parts: readonly (string | undefined)[]][] = [
    ['a missing field', { gaps: [{}] }, ['gaps.0.start is missing', 'a finite number', undefined]],
    ['another type', { steps: 'x' }, ['steps is of the wrong type', 'a finite number', '"x"']],
    ['a number that is not finite', { seed: Number.NaN }, ['seed is of the wrong type', 'a finite number', 'NaN']],
    ['a fraction', { threads: 1.5 }, ['threads is of the wrong type', 'an integer', '1.5']],
    ['a number below its range', { threads: 0 }, ['threads is too small', 'at least 1', '0']],
    ['a number above its range', { threads: 300 }, ['threads is too large', 'at most 256', '300']],
    ['a list without entries', { names: [] }, ['names has too few entries', 'at least 1', '0']],
    ['an empty text', { names: [''] }, ['names.0 is too short', 'at least 1 character', '0']],
    ['an unknown name', { sampler: 'ddmi' }, ['sampler has an unknown value', 'one of ddpm, ddim', '"ddmi"', 'ddim']],
    [
      'an unknown kind',
      { prior: { kind: 'engery' } },
      ['prior.kind has an unknown value', 'one of energy, x', '"engery"'],
    ],
    [
      'a choice that is wrong inside',
      { mel: { hop: '1' } },
      ['mel.hop is of the wrong type', 'a finite number', '"1"'],
    ],
    ['none of a choice', { mel: 'vocso' }, ['mel fits none', 'one of lmnt, vocos, or an object', '"vocso"', 'vocos']],
    ['what our schema refuses', { onStep: 1 }, ['onStep is not valid', 'a function', '1']],
    ['what our rule refuses', { fade: 3 }, ['fade: must not be 3', undefined, undefined]],
    ['a text that may be secret', { token: 'pass word' }, ['token is not valid', 'no spaces', undefined]],
    [
      'JSON in place of a number',
      { fade: { constructor: { name: 1 } } },
      ['fade is of the wrong type', 'a finite number', 'Object'],
    ],
    ['no options at all', null, ['the value is of the wrong type', 'an object', 'null']],
  ]
  for (const [what, value, [problem, expected, got, hint]] of cases) {
    test(`${what} is refused with the expected and the given value`, () => {
      const error = refusal(value)
      assert.ok(error.message.startsWith(problem!), error.message)
      assert.deepEqual([error.expected, error.got, error.where], [expected, got, 'options'])
      if (hint !== undefined) assert.ok(error.hint?.includes(hint), error.hint)
    })
  }
})
