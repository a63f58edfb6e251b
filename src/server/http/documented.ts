/** Schemas of routes, for the documentation of the API. The schemas of operations check the requests, not these. */
import type { JsonSchema } from '../query.js'

/** The problem document, as every route may answer. */
const problemSchema: JsonSchema = {
  type: 'object',
  description: 'A problem document (RFC 9457).',
  required: ['type', 'title', 'status', 'code', 'detail', 'problem'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string', description: 'The status in words.' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'What is wrong, for programs.' },
    detail: { type: 'string', description: 'What is wrong, for people: one line made of the texts that follow.' },
    problem: { type: 'string', description: 'The clause with which detail begins.' },
    expected: { type: 'string', description: 'What would have been right.' },
    got: { type: 'string', description: 'What was found instead.' },
    where: { type: 'string', description: 'The option or the part of the request concerned.' },
    hint: { type: 'string', description: 'What to do about it.' },
    retryAfter: { type: 'integer', description: 'Seconds, as in Retry-After.' },
  },
}

export const binary: JsonSchema = { type: 'string', format: 'binary' }
const text = { type: 'string' } as const

const fileSchema: JsonSchema = {
  type: 'object',
  properties: {
    name: text,
    type: { ...text, description: 'Media type.' },
    bytes: { type: 'integer' },
    facts: { type: 'object', additionalProperties: true },
  },
}

export const jobSchema: JsonSchema = {
  type: 'object',
  description: 'A job. Times are ISO 8601.',
  properties: {
    id: text,
    kind: { ...text, description: 'Name of the operation.' },
    state: { type: 'string', enum: ['queued', 'running', 'done', 'failed', 'cancelled'] },
    created: text,
    started: { anyOf: [text, { type: 'null' }] },
    finished: { anyOf: [text, { type: 'null' }] },
    progress: { type: 'number', description: 'Share of the work that is done, 0 to 1.' },
    files: { type: 'array', items: fileSchema },
    problem: { anyOf: [problemSchema, { type: 'null' }] },
  },
}

/** A response in JSON. */
export function json(description: string, schema: JsonSchema = { type: 'object', additionalProperties: true }) {
  return { description, content: { 'application/json': { schema } } }
}

/** A response of bytes. */
export function bytes(description: string, type: string) {
  return { description, content: { [type]: { schema: binary } } }
}

/** The responses of a route: its own, and the problem that any route may answer with. */
export function responses(own: Readonly<Record<string, unknown>>) {
  return {
    ...own,
    default: { description: 'A problem', content: { 'application/problem+json': { schema: problemSchema } } },
  }
}

/** A parameter of a path. */
export function pathParameters(...names: readonly string[]): JsonSchema {
  return { type: 'object', properties: Object.fromEntries(names.map(name => [name, text])), required: names }
}
