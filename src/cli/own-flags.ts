/** Errors of the library, which name fields of options objects, in the words of the command line. */
import { defined } from '../core/defined.js'
import { DiffWaveError } from '../core/errors.js'
import type { OptionSpecs } from './option-spec.js'
import { longName } from './options.js'

/** What ends the name by which the library calls an options object: `stream options`. */
const OBJECT = / options$/

/**
 * An error about an option, under the name that the user typed. Other errors are returned as they are.
 *
 * @param options those of the command
 */
export function inOwnFlags(error: unknown, options: OptionSpecs): unknown {
  if (!(error instanceof DiffWaveError) || error.where === undefined || !OBJECT.test(error.where)) return error
  const { code, problem, expected, got, hint } = error
  // Of several unknown fields, the first is named.
  const [, unknown, name, rest] = /^(unknown fields? )?([\w.]+)(.*)$/s.exec(problem) ?? []
  const spec = Object.entries(options).find(([key, { field = key }]) => field === name)?.[1]
  const details = { ...defined({ expected, got, hint }), cause: error }
  if (spec === undefined) return new DiffWaveError(code, problem, details)
  const flag = longName(spec.flags)
  if (unknown !== undefined) return new DiffWaveError(code, `${flag} has no effect here`, { cause: error })
  return new DiffWaveError(code, `the value${rest}`, { ...details, where: flag })
}
