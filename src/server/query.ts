/** Options in a request's address: text, read as the types that an operation's schema has. */
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { oneOf, suggestion } from '../core/suggest.js'
import type { Operation } from './operations/operation.js'

/** A JSON schema, as far as it matters here. */
export interface JsonSchema {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly JsonSchema[]
  readonly [keyword: string]: unknown
}

const NUMBER = /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i

/** The JSON schema of an operation's options, as clients write them. */
export function optionsSchema({ options }: Pick<Operation, 'options'>): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(options, { io: 'input' })
  return schema as JsonSchema
}

/** 1.2-1.25,3-3.1 as gaps. */
function gapsOf(text: string): unknown {
  return text.split(',').map(part => {
    const [, start, end] = /^(\d*\.?\d+)-(\d*\.?\d+)$/.exec(part.trim()) ?? []
    if (start !== undefined && end !== undefined) return { start: Number(start), end: Number(end) }
    throw new DiffWaveError('BAD_OPTION', 'not a gap', {
      expected: 'start-end in seconds, as 1.2-1.25',
      got: part,
      where: 'gaps',
    })
  })
}

/** What a field may be, in a few words. */
export function fieldText(schema: JsonSchema = {}): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(fieldText).join(' or ')
  if (Array.isArray(schema['enum'])) return schema['enum'].join(', ')
  const [min, max] = [schema['minimum'], schema['maximum']]
  const type = schema.type ?? 'any value'
  if (typeof max === 'number' && max < Number.MAX_SAFE_INTEGER) return `${type}, ${min ?? 0} to ${max}`
  return typeof min === 'number' ? `${type}, from ${min}` : type
}

/** A value that was given, for a message. */
function quoted(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'nothing'
  } catch {
    // JSON of great depth can be read, but not written.
    return 'lists or objects in each other'
  }
}

/** The options as the schema understands them. @throws DiffWaveError `BAD_OPTION` naming the first that is wrong */
function checked(operation: Pick<Operation, 'options'>, given: Readonly<Record<string, unknown>>) {
  const result = operation.options.safeParse(given)
  if (result.success) return result.data
  const { properties = {} } = optionsSchema(operation)
  const names = Object.keys(properties)
  const issue = result.error.issues[0]!
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    const [name = ''] = issue.keys
    throw new DiffWaveError('BAD_OPTION', 'unknown option', {
      expected: oneOf(names),
      got: name,
      ...suggestion(name, names),
    })
  }
  const field = String(issue.path[0] ?? '')
  const message = issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
  throw new DiffWaveError('BAD_OPTION', `${issue.path.map(String).join('.')}: ${message}`, {
    expected: fieldText(properties[field]),
    got: quoted(given[field]),
  })
}

/** A text as the type of a field; as it is if it does not look like one, which the schema then refuses. */
function typed(text: string, { type, anyOf = [] }: JsonSchema): unknown {
  const types = [type, ...anyOf.map(choice => choice.type)]
  if (types.includes('array')) return gapsOf(text)
  if (types.some(name => name === 'integer' || name === 'number') && NUMBER.test(text)) return Number(text)
  return text
}

/**
 * The options of an operation from an address and, for operations without a body of their own, from JSON.
 *
 * @throws DiffWaveError `BAD_OPTION`
 */
export function operationOptions(
  operation: Pick<Operation, 'options'>,
  query: Readonly<Record<string, unknown>>,
  json: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const { properties = {} } = optionsSchema(operation)
  const given = new Map<string, unknown>(Object.entries(json))
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string' || given.has(name)) {
      throw new DiffWaveError('BAD_OPTION', 'an option is given twice', { expected: 'one value', where: name })
    }
    given.set(name, Object.hasOwn(properties, name) ? typed(value, properties[name]!) : value)
  }
  return checked(operation, Object.fromEntries(given))
}
