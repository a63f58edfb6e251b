/**
 * The interface of a job store: jobs are kept and done in the memory of this process (memory-jobs.ts), or by workers on
 * other machines (redis/redis-jobs.ts).
 */
import type { Order } from '../operations/run-operation.js'
import type { JobEvent, JobView, StoredFile } from './job.js'

export interface Jobs {
  /** Whether other machines do the jobs, so that the queue of this one does not matter. */
  readonly isRemote: boolean
  /**
   * Accepts a job.
   *
   * @param client identifies the client, so that one client cannot fill the queue
   * @throws Refusal `QUEUE_FULL`, `TOO_MANY_REQUESTS`, `SHUTTING_DOWN`, `STORE_UNAVAILABLE`
   */
  submit(order: Order, client: string): Promise<JobView>
  /** @throws Refusal `UNKNOWN_JOB` */
  view(id: string): Promise<JobView>
  /** Stops a job if it has not ended, and forgets its results. @throws Refusal `UNKNOWN_JOB` */
  remove(id: string): Promise<JobView>
  /**
   * Yields the events of a job after a given one, until the job has ended.
   *
   * @param after id of the last known event; 0 for none
   * @throws Refusal `UNKNOWN_JOB`
   */
  events(id: string, after: number, signal: AbortSignal): AsyncIterable<JobEvent>
  /** Returns a file of a job. @throws Refusal `UNKNOWN_JOB`, `NOT_FOUND`, `NOT_READY` */
  file(id: string, name: string): Promise<StoredFile>
  /** Number of jobs by state, for metrics. */
  counts(): Promise<Readonly<Record<'queued' | 'running', number>>>
  /** Refuses new jobs, and returns when the running ones have ended. The signal stops them. */
  close(signal: AbortSignal): Promise<void>
}
