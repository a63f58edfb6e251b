/** How far work has come, with a way to stop it, and why it failed. */
import { ProblemNote } from './problem-note.js'
import type { Task } from './task.js'

export function TaskNote({ task, what }: { task: Task; what: string }) {
  const share = task.progress.value
  return (
    <div class="task" aria-live="polite">
      {task.running.value && (
        <div class="progress">
          <progress aria-label={what} max={1} {...(share === null ? {} : { value: share })} />
          <span>{what}</span>
          <button type="button" class="button quiet" onClick={() => task.stop()}>
            Stop
          </button>
        </div>
      )}
      <ProblemNote problem={task.problem.value} onRetry={() => task.retry()} />
    </div>
  )
}
