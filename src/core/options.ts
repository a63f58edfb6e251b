/** Checks what callers hand in, once, at the border: unknown keys are refused, defaults are filled in. */
import { z } from 'zod'
import { DiffWaveError, type ErrorCode } from './errors.js'
import type { OnProgress } from './progress.js'
import { suggestion } from './suggest.js'

/** Unknown keys named in an error: an array passed by mistake has thousands. */
const MAX_KEYS_NAMED = 5

/**
 * The value as `schema` understands it, defaults filled in.
 *
 * @param where names the value in errors, as `synthesize options` or a file's path
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

/** The fields of the object that lies at a path of a schema, of every choice where it has several. */
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

/** A stop signal, as long calls take it. */
export const abortSignal = z.instanceof(AbortSignal)

/** A function that is called as the work goes on. */
export const onProgress = z.custom<OnProgress>(value => typeof value === 'function', 'expected a function')

/** A seed: any non-negative safe integer. */
export const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/**
 * The fields of a strict schema for an options interface: one for every key, each as wide as the interface says.
 * Written as `z.strictObject({ … } satisfies FieldsOf<Options>)`, schema and interface cannot drift apart.
 */
export type FieldsOf<Options> = { readonly [Key in keyof Options]-?: z.ZodType<unknown, Options[Key]> }
