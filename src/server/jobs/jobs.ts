/** Where jobs are kept and done: in the memory of this process (memory-jobs.ts), or on other machines. */
import type { WorkOrder } from '../work/run-work.js'
import type { JobEvent, JobFile, JobView } from './job.js'

export interface Jobs {
  /** Whether other machines do them, so that this one’s queue does not matter. */
  readonly isRemote: boolean
  /**
   * Takes a job in.
   *
   * @param client who asks: one client cannot fill the queue
   * @throws Refusal `QUEUE_FULL`, `TOO_MANY_REQUESTS`, `SHUTTING_DOWN`, `STORE_UNAVAILABLE`
   */
  submit(order: WorkOrder, client: string): Promise<JobView>
  /** @throws Refusal `UNKNOWN_JOB` */
  view(id: string): Promise<JobView>
  /** Stops a job if it has not ended, and forgets its results. @throws Refusal `UNKNOWN_JOB` */
  remove(id: string): Promise<JobView>
  /**
   * What has happened to a job after an event, and what happens until it ends.
   *
   * @param after id of the last event that is known; 0: none
   * @throws Refusal `UNKNOWN_JOB`
   */
  events(id: string, after: number, signal: AbortSignal): AsyncIterable<JobEvent>
  /** A file. @throws Refusal `UNKNOWN_JOB`, `NOT_FOUND`, `NOT_READY` */
  file(id: string, name: string): Promise<{ readonly file: JobFile; readonly bytes: Uint8Array }>
  /** Jobs in hand by state, for metrics. */
  counts(): Promise<Readonly<Record<'queued' | 'running', number>>>
  /** Takes no more jobs; returns when those in hand have ended or the signal fires, which stops them. */
  close(signal: AbortSignal): Promise<void>
}
