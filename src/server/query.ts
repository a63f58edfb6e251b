/** Options in a request's address: text, read as the types that an operation's schema has. */
import { z } from 'zod'
import { parseGap } from '../audio/gap.js'
import { DiffWaveError } from '../core/errors.js'
import { check } from '../core/options.js'
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

/** JSON schemas that were made before. Every request needs one, and making it takes longer than the request's check. */
const jsonSchemas = new WeakMap<z.ZodObject, JsonSchema>()

/** The JSON schema of an operation's options, as clients write them. */
export function optionsSchema({ options }: Pick<Operation, 'options'>): JsonSchema {
  const known = jsonSchemas.get(options)
  if (known !== undefined) return known
  const { $schema: _, ...schema } = z.toJSONSchema(options, { io: 'input' })
  jsonSchemas.set(options, schema as JsonSchema)
  return schema as JsonSchema
}

/** A text as the type of a field; as it is if it does not look like one, which the schema then refuses. */
function typed(text: string, { type, anyOf = [] }: JsonSchema): unknown {
  const types = [type, ...anyOf.map(choice => choice.type)]
  // The only array that an address may hold: gaps, as 1.2-1.25,3-3.1.
  if (types.includes('array')) return text.split(',').map(part => parseGap(part.trim(), 'gaps'))
  if (types.some(name => name === 'integer' || name === 'number') && NUMBER.test(text)) return Number(text)
  return text
}

/**
 * The options of an operation from an address and, for operations without a body of their own, from JSON.
 *
 * @throws DiffWaveError `BAD_OPTION`
 */
export function operationOptions(
  operation: Pick<Operation, 'name' | 'options'>,
  query: Readonly<Record<string, unknown>>,
  json: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const { properties = {} } = optionsSchema(operation)
  const given = new Map<string, unknown>(Object.entries(json))
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string' || given.has(name)) {
      throw new DiffWaveError('BAD_OPTION', 'an option is given twice', { where: name })
    }
    given.set(name, Object.hasOwn(properties, name) ? typed(value, properties[name]!) : value)
  }
  return check(operation.options, Object.fromEntries(given), `options of ${operation.name}`)
}
