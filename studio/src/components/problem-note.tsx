/** Why something did not work, and what to do about it. */
import type { StudioProblem } from '../core/problem.js'

export interface ProblemNoteProps {
  readonly problem: StudioProblem | null
  /** Does the work again, if that may help. */
  readonly onRetry?: () => void
}

export function ProblemNote({ problem, onRetry }: ProblemNoteProps) {
  if (problem === null) return null
  const { code, title, expected, got, hint } = problem
  return (
    <div class="problem" role="alert">
      <p class="problem-title">{title.replace(/\.?$/, '.')}</p>
      {(expected !== undefined || got !== undefined) && (
        <dl class="clauses">
          {expected !== undefined && (
            <div>
              <dt>Expected</dt>
              <dd>{expected}</dd>
            </div>
          )}
          {got !== undefined && (
            <div>
              <dt>Got</dt>
              <dd>{got}</dd>
            </div>
          )}
        </dl>
      )}
      {hint !== undefined && <p>{hint}</p>}
      <p class="note">{code}</p>
      {onRetry !== undefined && problem.isTemporary && (
        <p>
          <button type="button" class="button" onClick={onRetry}>
            Try again
          </button>
        </p>
      )}
    </div>
  )
}
