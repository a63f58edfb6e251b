/** How far work has come, with a way to stop it, and how it ended. */
import { ProblemNote } from './problem-note.js'
import type { Task } from './task.js'

export interface TaskNoteProps {
  readonly task: Task
  /** What is done, as `Making clips`. */
  readonly what: string
  /** Whether it offers to start stopped work again; elsewhere, the page has a button for that. */
  readonly restarts?: boolean
}

export function TaskNote({ task, what, restarts = false }: TaskNoteProps) {
  const [share, running, outcome] = [task.progress.value, task.running.value, task.outcome.value]
  return (
    <>
      {/* Always there: of a region that appears together with its text, screen readers may say nothing. */}
      <p class="unseen" role="status">
        {running ? what : outcome === null ? '' : `${what}: ${outcome}`}
      </p>
      {running && (
        <div class="progress">
          <progress aria-label={what} max={1} {...(share === null ? {} : { value: share })} />
          <span aria-hidden="true">{what}</span>
          <button type="button" class="button quiet" onClick={() => task.stop()}>
            Stop
          </button>
        </div>
      )}
      {outcome === 'stopped' && (
        <p class="note" aria-hidden={!restarts}>
          Stopped.{' '}
          {restarts && (
            <button type="button" class="link" onClick={() => task.retry()}>
              Start again
            </button>
          )}
        </p>
      )}
      <ProblemNote problem={task.problem.value} onRetry={() => task.retry()} />
    </>
  )
}
