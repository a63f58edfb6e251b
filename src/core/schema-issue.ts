/** What a schema found wrong with a value, as the parts of an error of this package. */
import type { z } from 'zod'
import { describe } from './describe.js'
import type { ErrorDetails } from './errors.js'
import { oneOf, suggestion } from './suggest.js'

type Issue = z.core.$ZodIssue
type UnionIssue = Extract<Issue, { readonly code: 'invalid_union' }>

/** The parts of an error. `problem` names the field. */
export interface Explanation extends Pick<ErrorDetails, 'expected' | 'got' | 'hint'> {
  readonly problem: string
}

/** Max number of unknown keys to name in an error, because an array passed by mistake has thousands. */
const MAX_KEYS_NAMED = 5
/** Max number of characters of a wrong text to repeat in an error. */
const MAX_TEXT_SHOWN = 60

/** How to say that a value is on the wrong side of a limit, by what it is, and where it should be. */
interface BoundWords {
  readonly number: string
  readonly text: string
  readonly list: string
  readonly inclusive: string
  readonly exclusive: string
}

const minimumWords: BoundWords = {
  number: 'small',
  text: 'short',
  list: 'few',
  inclusive: 'at least',
  exclusive: 'above',
}
const maximumWords: BoundWords = {
  number: 'large',
  text: 'long',
  list: 'many',
  inclusive: 'at most',
  exclusive: 'below',
}

/**
 * Explains what is wrong.
 *
 * @param issues what `safeParse` found, with `reportInput`
 * @param schema that found it, for the names of its fields
 */
export function explained(issues: readonly Issue[], schema: z.core.$ZodType): Explanation {
  return explain(foremost(issues), [], schema)
}

/** The issue to explain: an unknown field, if any, because a mistyped name also leaves the right one missing. */
function foremost(issues: readonly Issue[]): Issue {
  return issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!
}

/** @param above path of the value in which the issue's path begins */
function explain(issue: Issue, above: readonly PropertyKey[], schema: z.core.$ZodType): Explanation {
  const path = [...above, ...issue.path]
  const field = path.map(String).join('.')
  const subject = field === '' ? 'the value' : field
  const { input } = issue
  if (isOurs(issue.message)) return explainOurs(issue, field)
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownFields(issue.keys, path, schema)
    case 'invalid_type':
      return input === undefined
        ? { problem: `${subject} is missing`, expected: typeName(issue.expected) }
        : { problem: `${subject} is of the wrong type`, expected: typeName(issue.expected), got: shown(input) }
    case 'invalid_value':
      return unknownValue(subject, issue.values.map(String), input)
    case 'too_small':
      return outOfBounds(subject, issue, issue.minimum, minimumWords)
    case 'too_big':
      return outOfBounds(subject, issue, issue.maximum, maximumWords)
    case 'not_multiple_of':
      return { problem: `${subject} is not a multiple`, expected: `a multiple of ${issue.divisor}`, got: shown(input) }
    case 'invalid_format':
      return { problem: `${subject} has the wrong form`, expected: issue.format === 'url' ? 'a URL' : issue.format }
    case 'invalid_union':
      return explainUnion(issue, path, subject, schema)
    default: {
      const message = issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
      return { problem: field === '' ? message : `${field}: ${message}` }
    }
  }
}

/** Whether a schema of this package states the message. They begin with a small letter, those of zod with a capital. */
function isOurs(message: string): boolean {
  return !/^[A-Z]/.test(message)
}

/** A message of this package is what would be right, as “expected …”, or a clause about the field. */
function explainOurs({ code, message, input }: Issue, field: string): Explanation {
  const expected = /^expected (.*)$/s.exec(message)?.[1]
  if (expected === undefined) return { problem: field === '' ? message : `${field}: ${message}` }
  if (input === undefined && field !== '') return { problem: `${field} is missing`, expected }
  const problem = `${field === '' ? 'the value' : field} is not valid`
  return { problem, expected, ...(isAboutForm(code) ? {} : { got: shown(input) }) }
}

/** Whether an issue is about the form of a text. Such a text is not repeated, because it may be a secret. */
function isAboutForm(code: Issue['code']): boolean {
  return code === 'invalid_format' || code === 'too_small'
}

/** The command line reads the name of the first field out of these words (src/cli/own-flags.ts). */
function unknownFields(keys: readonly string[], path: readonly PropertyKey[], schema: z.core.$ZodType): Explanation {
  const names = keys.slice(0, MAX_KEYS_NAMED).map(key => [...path, key].map(String).join('.'))
  const [only] = keys
  const known = [...new Set(fieldsAt(schema, path))]
  const expected = known.length === 0 ? {} : { expected: oneOf(known) }
  const hint = keys.length === 1 ? suggestion(only!, known) : {}
  return { problem: `unknown field${keys.length === 1 ? '' : 's'} ${names.join(', ')}`, ...expected, ...hint }
}

/** A value that is none of those that are possible. */
function unknownValue(subject: string, values: readonly string[], input: unknown): Explanation {
  const expected = values.length === 1 ? values[0]! : oneOf(values)
  if (input === undefined) return { problem: `${subject} is missing`, expected }
  const hint = typeof input === 'string' ? suggestion(input, values) : {}
  return { problem: `${subject} has an unknown value`, expected, got: shown(input), ...hint }
}

function outOfBounds(
  subject: string,
  { origin, input, inclusive }: Pick<z.core.$ZodIssueTooSmall, 'origin' | 'input' | 'inclusive'>,
  limit: number | bigint,
  words: BoundWords,
): Explanation {
  const relation = inclusive ? words.inclusive : words.exclusive
  if (origin === 'string') {
    const { length } = input as string
    return {
      problem: `${subject} is too ${words.text}`,
      expected: `${relation} ${limit} character${limit === 1 ? '' : 's'}`,
      got: String(length),
    }
  }
  if (origin === 'array') {
    const { length } = input as readonly unknown[]
    return {
      problem: `${subject} has too ${words.list} entries`,
      expected: `${relation} ${limit}`,
      got: String(length),
    }
  }
  return { problem: `${subject} is too ${words.number}`, expected: `${relation} ${limit}`, got: shown(input) }
}

/**
 * A value that fits no branch of a union. If it is of the type of some branch, what that branch says is explained; else
 * what all of them expect.
 */
function explainUnion(
  issue: UnionIssue,
  path: readonly PropertyKey[],
  subject: string,
  schema: z.core.$ZodType,
): Explanation {
  const { errors, input } = issue
  if ('discriminator' in issue && issue.discriminator !== undefined) {
    const kinds = (issue as { readonly options?: readonly unknown[] }).options ?? []
    return unknownValue(subject, kinds.map(String), (input as Record<string, unknown>)[issue.discriminator])
  }
  const fitting = errors.find(([first]) => !isOfWhole(first!))
  if (fitting !== undefined) return explain(foremost(fitting), path, schema)
  const branches = errors.map(([first]) => explain(first!, path, schema))
  const expected = branches.map(branch => branch.expected).join(', or ')
  if (input === undefined) return { problem: `${subject} is missing`, expected }
  const hint = branches.find(branch => branch.hint !== undefined)?.hint
  const details = { expected, got: shown(input), ...(hint === undefined ? {} : { hint }) }
  return { problem: `${subject} fits none of its forms`, ...details }
}

/** Whether an issue is that the value as a whole is another one, or of another type. */
function isOfWhole({ code, path }: Issue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')
}

/** zod's name of a type as the end of “expected …”. */
function typeName(name: string): string {
  const plain = new Map([
    ['int', 'integer'],
    ['record', 'object'],
    ['tuple', 'array'],
  ])
  if (name === 'boolean') return 'true or false'
  if (name === 'number') return 'a finite number'
  const noun = plain.get(name) ?? name
  return `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`
}

/** A value as the end of “got …”: numbers and short texts as they are, others by their type. */
function shown(value: unknown): string {
  if (typeof value === 'string') {
    return value.length <= MAX_TEXT_SHOWN ? JSON.stringify(value) : `a string of ${value.length} characters`
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : describe(value)
}

/** Names of the fields of the object at a path of a schema, from all branches if it is a union. */
function fieldsAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod
  if ('innerType' in def) return fieldsAt(def.innerType, path)
  if (def.type === 'union') return def.options.flatMap(choice => fieldsAt(choice, path))
  if (def.type === 'pipe') return [def.in, def.out].flatMap(part => fieldsAt(part, path))
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
