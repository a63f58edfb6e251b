/** Refusals of requests about jobs, and of their results. */
import { DiffWaveError } from '../../core/errors.js'
import { oneOf } from '../../core/suggest.js'
import { Refusal } from '../refusal.js'
import { hasEnded, type JobView } from './job.js'

export function unknownJob(id: string): Refusal {
  return new Refusal(404, 'UNKNOWN_JOB', 'unknown job', {
    expected: 'the id of a job that has not been removed',
    got: id,
    hint: 'Results are kept for some minutes.',
  })
}

/** The error of a result for which there is no room. @param limit bytes of the results of all jobs */
export function resultsTooLarge(limit: number, got: string): DiffWaveError {
  return new DiffWaveError('TOO_LARGE', 'the results of all jobs take too much memory', {
    expected: `at most ${limit} bytes`,
    got,
    hint: 'Fetch and remove results, or request shorter audio.',
  })
}

/** The refusal of a file that a job does not have, or not yet. */
export function noFile(name: string, view: JobView): Refusal {
  if (hasEnded(view)) {
    return new Refusal(404, 'NOT_FOUND', 'the job has no such file', {
      ...(view.files.length === 0
        ? { hint: `The state of the job is ${view.state}, and it has no files.` }
        : { expected: oneOf(view.files.map(file => file.name)) }),
      got: name,
    })
  }
  return new Refusal(409, 'NOT_READY', 'the job has not made this file yet', {
    expected: 'a job that is done',
    got: `a job that is ${view.state}`,
    hint: 'Its events say when the file is ready.',
    retryAfter: 1,
  })
}
