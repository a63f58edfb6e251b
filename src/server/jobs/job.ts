/** A job: work that goes on without its client, and what is known of it. */
import type { Facts, FileHead } from '../operations/operation.js'
import type { Problem } from '../problem.js'

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled'

/** A file that a job has made. */
export interface JobFile extends Omit<FileHead, 'bytes'> {
  readonly bytes: number
}

/** A complete file and its bytes, which are read as they are sent. */
export interface StoredFile {
  readonly file: JobFile
  readonly pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/** A job as clients see it. Times are ISO 8601. */
export interface JobView {
  readonly id: string
  /** Name of the operation. */
  readonly kind: string
  readonly state: JobState
  readonly created: string
  readonly started: string | null
  readonly finished: string | null
  /** Share of the work that is done, 0 to 1. */
  readonly progress: number
  readonly files: readonly JobFile[]
  /** Why it failed. */
  readonly problem: Problem | null
}

/**
 * What happens to a job: `state` with the whole view when it starts and ends, `progress` with the share that is done,
 * `file` for each file, and the operation's own events, as `step`.
 */
export interface JobEvent {
  /** Counts up from 1 in each job. */
  readonly id: number
  readonly name: string
  readonly data: Facts
}

export function hasEnded({ state }: Pick<JobView, 'state'>): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled'
}

/** The file that is a job's result. */
export function resultOf({ files }: Pick<JobView, 'files'>): JobFile | undefined {
  return files.find(({ name }) => name.startsWith('result.'))
}
