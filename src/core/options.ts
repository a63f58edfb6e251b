/**
 * Checks the options of public functions, once, where they come in: unknown keys are refused, and defaults are filled
 * in.
 */
import { z } from 'zod'
import type { Callback } from './callback.js'
import { DiffWaveError, type ErrorCode } from './errors.js'
import type { Progress } from './progress.js'
import { explained } from './schema-issue.js'

/**
 * Checks a value against a schema. @returns the value with defaults filled in
 *
 * @param where names the value in errors, for example `synthesize options` or the path of a file
 * @throws DiffWaveError `code` (default: `BAD_OPTION`) naming a field that is wrong, and what it should be
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
  code: ErrorCode = 'BAD_OPTION',
): z.output<Schema> {
  const result = parsed(schema, value, where, code)
  if (result.success) return result.data
  const { problem, ...details } = explained(result.error.issues, schema)
  throw new DiffWaveError(code, problem, { ...details, where })
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string, code: ErrorCode) {
  try {
    return schema.safeParse(value, { reportInput: true })
  } catch (cause) {
    if (!(cause instanceof z.core.$ZodAsyncError)) throw cause
    throw new DiffWaveError(code, 'a promise where a value should be', { where, hint: 'Await it first.', cause })
  }
}

/**
 * Schema of a list, for readonly types. `readonly()` of zod freezes what it refuses, too, which throws if that is a
 * typed array.
 *
 * @param least number of items at least
 */
export function readonlyList<Item extends z.ZodType>(
  item: Item,
  least = 1,
): z.ZodType<readonly z.output<Item>[], readonly z.input<Item>[]> {
  return z.array(item).min(least)
}

/** Schema of the stop signal of long calls. */
export const abortSignal = z.instanceof(AbortSignal)

/** Schema of a function. */
export const functionSchema = <Fn>() => z.custom<Fn>(value => typeof value === 'function', 'expected a function')

/** Schema of a function that hears how a call goes. */
export const callback = <Report>() => functionSchema<Callback<Report>>()

/** Schema of the progress function of long calls. */
export const onProgress = callback<Progress>()

/** Schema of a seed: any non-negative safe integer. */
export const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/**
 * The fields of a strict schema for an options interface: one for every key, with the type that the interface has.
 * Written as `z.strictObject({ … } satisfies FieldsOf<Options>)`, schema and interface cannot drift apart.
 */
export type FieldsOf<Options> = { readonly [Key in keyof Options]-?: z.ZodType<unknown, Options[Key]> }
