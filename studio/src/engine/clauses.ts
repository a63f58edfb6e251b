/** Errors in the worker, as the page gets them: an error that is posted loses its class and its fields. */
import { DiffWaveError } from '#src/core/errors'
import type { ProblemClauses } from '../core/problem.js'

/** An error as a view shows it. */
export function clausesOf(error: unknown): ProblemClauses {
  if (error instanceof DiffWaveError) {
    const { code, message, expected, got, hint } = error
    return { code, detail: message.charAt(0).toUpperCase() + message.slice(1), expected, got, hint }
  }
  return { code: 'ENGINE_FAILED', detail: error instanceof Error ? error.message : String(error) }
}
