/** Why something did not work, and what to do about it. */
import type { StudioProblem } from '../core/problem.js'

export function ProblemNote({ problem }: { problem: StudioProblem | null }) {
  if (problem === null) return null
  const { code, detail, expected, got, hint } = problem
  return (
    <div class="problem" role="alert">
      <p class="problem-title">{detail.replace(/\.?$/, '.')}</p>
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
    </div>
  )
}
