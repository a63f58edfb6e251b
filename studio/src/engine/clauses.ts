/** Errors in the worker, as the page gets them: an error that is posted loses its class and its fields. */
import { DiffWaveError } from '#src/core/errors'
import { type ProblemClauses, titleOf } from '../core/problem.js'

/** An error as a view shows it. */
export function clausesOf(error: unknown): ProblemClauses {
  if (error instanceof DiffWaveError) {
    const { code, problem, expected, got, where, hint } = error
    return { code, title: titleOf(problem, where), expected, got, hint }
  }
  return { code: 'ENGINE_FAILED', title: error instanceof Error ? error.message : String(error) }
}
