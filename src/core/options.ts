/**
 * Checks the options of public functions, once, where they come in: unknown keys are refused, and defaults are filled
 * in.
 */
import { z } from 'zod'
import type { Callback } from './callback.js'
import { DiffWaveError, type ErrorCode } from './errors.js'
import type { Progress } from './progress.js'
import { suggestion } from './suggest.js'

/** Max number of unknown keys to name in an error, because an array passed by mistake has thousands. */
const MAX_KEYS_NAMED = 5

/**
 * Checks a value against a schema. @returns the value with defaults filled in
 *
 * @param where names the value in errors, for example `synthesize options` or the path of a file
 * @throws DiffWaveError `code` (default: `BAD_OPTION`) naming the first field that is wrong
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
  code: ErrorCode = 'BAD_OPTION',
): z.output<Schema> {
  const result = parsed(schema, value, where, code)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const field = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys
      .slice(0, MAX_KEYS_NAMED)
      .map(key => (field === '' ? key : `${field}.${key}`))
      .join(', ')
    const only = issue.keys.length === 1 ? issue.keys[0]! : null
    const hint = only === null ? {} : suggestion(only, fieldsAt(schema, issue.path))
    throw new DiffWaveError(code, `unknown field ${keys}`, { where, ...hint })
  }
  const message = issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
  throw new DiffWaveError(code, field === '' ? message : `${field}: ${message}`, { where })
}

/** Names of the fields of the object at a path of a schema, from all branches if it is a union. */
function fieldsAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod
  if ('innerType' in def) return fieldsAt(def.innerType, path)
  if (def.type === 'union') return def.options.flatMap(choice => fieldsAt(choice, path))
  const [key, ...rest] = path
  if (def.type === 'object') {
    if (key === undefined) return Object.keys(def.shape)
    const field = def.shape[String(key)]
    return field === undefined ? [] : fieldsAt(field, rest)
  }
  if (key === undefined) return []
  if (def.type === 'array') return fieldsAt(def.element, rest)
  if (def.type === 'record') return fieldsAt(def.valueType, rest)
  return []
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string, code: ErrorCode) {
  try {
    return schema.safeParse(value)
  } catch (cause) {
    if (!(cause instanceof z.core.$ZodAsyncError)) throw cause
    throw new DiffWaveError(code, 'a promise where a value should be', { where, hint: 'Await it first.', cause })
  }
}

/** Schema of the stop signal of long calls. */
export const abortSignal = z.instanceof(AbortSignal)

/** Schema of a function that hears how a call goes. */
export const callback = <Report>() =>
  z.custom<Callback<Report>>(value => typeof value === 'function', 'expected a function')

/** Schema of the progress function of long calls. */
export const onProgress = callback<Progress>()

/** Schema of a seed: any non-negative safe integer. */
export const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/**
 * The fields of a strict schema for an options interface: one for every key, with the type that the interface has.
 * Written as `z.strictObject({ … } satisfies FieldsOf<Options>)`, schema and interface cannot drift apart.
 */
export type FieldsOf<Options> = { readonly [Key in keyof Options]-?: z.ZodType<unknown, Options[Key]> }
