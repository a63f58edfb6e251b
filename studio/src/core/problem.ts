/** Why a request was refused, as the service states it (RFC 9457) or as the page found it. */

/** The clauses of a problem document that a person reads. */
export interface ProblemClauses {
  readonly code: string
  readonly detail: string
  readonly expected?: string | undefined
  readonly got?: string | undefined
  readonly hint?: string | undefined
}

/** Codes of temporary problems: of the network, and of a service that is busy or restarting. */
const TEMPORARY = new Set([
  'UNREACHABLE',
  'DOWNLOAD_FAILED',
  'QUEUE_FULL',
  'TOO_MANY_REQUESTS',
  'SHUTTING_DOWN',
  'STORE_UNAVAILABLE',
])

export class StudioProblem extends Error implements ProblemClauses {
  override readonly name = 'StudioProblem'
  readonly code: string
  readonly detail: string
  readonly expected: string | undefined
  readonly got: string | undefined
  readonly hint: string | undefined

  constructor({ code, detail, expected, got, hint }: ProblemClauses) {
    super(detail)
    this.code = code
    this.detail = detail
    this.expected = expected
    this.got = got
    this.hint = hint
  }

  /** The detail without the clauses at its end that are shown by themselves. */
  get title(): string {
    const [expected, got] = [`, expected ${this.expected}`, `, got ${this.got}`]
    // The problem itself may have the same words, so only the end is cut; a place in parentheses may follow.
    for (const clauses of [expected + got, expected, got]) {
      const at = this.detail.lastIndexOf(clauses)
      const place = this.detail.slice(at + clauses.length)
      if (at > 0 && (place === '' || /^ \(.*\)$/.test(place))) return this.detail.slice(0, at) + place
    }
    return this.detail
  }

  /** Whether the same may work later. */
  get isTemporary(): boolean {
    return TEMPORARY.has(this.code)
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** A problem document as an error; `null` if the value is not one. */
export function problemOf(value: unknown): StudioProblem | null {
  if (typeof value !== 'object' || value === null) return null
  const { code, detail, expected, got, hint } = value as Readonly<Record<string, unknown>>
  if (!isText(code) || !isText(detail)) return null
  const clause = (text: unknown) => (isText(text) ? text : undefined)
  return new StudioProblem({ code, detail, expected: clause(expected), got: clause(got), hint: clause(hint) })
}

/** Any error as a problem that can be shown. */
export function asProblem(error: unknown): StudioProblem {
  if (error instanceof StudioProblem) return error
  return new StudioProblem({
    code: 'PAGE',
    detail: error instanceof Error ? error.message : String(error),
    hint: 'Reload the page and try again.',
  })
}

/** Whether an error only says that the work was stopped on purpose. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
