/** Jobs in the memory of this process: done through its queue, kept for a while, the oldest forgotten first. */
import { randomUUID } from 'node:crypto'
import { MAX_JOBS } from '../limits.js'
import type { OperationTools } from '../operations/operation.js'
import { type Order, runOperation } from '../operations/run-operation.js'
import { isFault, problemOf } from '../problem.js'
import type { WorkQueue } from '../queue.js'
import { hasEnded, type JobEvent, type JobView, type StoredFile } from './job.js'
import { JobRecord } from './job-record.js'
import type { Jobs } from './jobs.js'
import { noFile, resultsTooLarge, unknownJob } from './refusals.js'

export interface MemoryJobsOptions {
  readonly queue: WorkQueue
  readonly tools: OperationTools
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Counts the body of a request as held. @returns a function that ends this */
  readonly keepBody: (body: Uint8Array) => () => void
  /** Called with errors that are faults of the service, for a log. */
  readonly onFault: (error: unknown, id: string) => void
}

interface Held {
  readonly record: JobRecord
  readonly stop: AbortController
}

export class MemoryJobs implements Jobs {
  readonly isRemote = false
  readonly #options: MemoryJobsOptions
  /** In the order in which they were submitted. */
  readonly #jobs = new Map<string, Held>()
  readonly #inHand = new Set<Promise<void>>()

  constructor(options: MemoryJobsOptions) {
    this.#options = options
  }

  async submit(order: Order, client: string): Promise<JobView> {
    const { queue, clock } = this.#options
    queue.admit(client)
    const record = new JobRecord(randomUUID(), order.operation.name, clock, bytes => this.#reserve(bytes))
    const held = { record, stop: new AbortController() }
    this.#jobs.set(record.id, held)
    this.#forgetOld()
    const releaseBody = this.#options.keepBody(order.body)
    const done = this.#run(order, client, held).finally(() => {
      releaseBody()
      this.#inHand.delete(done)
    })
    this.#inHand.add(done)
    return record.view()
  }

  async view(id: string): Promise<JobView> {
    return this.#find(id).record.view()
  }

  async remove(id: string): Promise<JobView> {
    const { record, stop } = this.#find(id)
    record.setState('cancelled')
    stop.abort()
    record.clear()
    this.#jobs.delete(id)
    return record.view()
  }

  events(id: string, after: number, signal: AbortSignal): AsyncIterable<JobEvent> {
    return this.#find(id).record.events(after, signal)
  }

  async file(id: string, name: string): Promise<StoredFile> {
    const { record } = this.#find(id)
    const found = record.file(name)
    if (found !== undefined) return found
    throw noFile(name, record.view())
  }

  async counts(): Promise<Readonly<Record<'queued' | 'running', number>>> {
    const states = [...this.#jobs.values()].map(({ record }) => record.state)
    const count = (state: string) => states.filter(other => other === state).length
    return { queued: count('queued'), running: count('running') }
  }

  async close(signal: AbortSignal): Promise<void> {
    const stop = () => {
      for (const held of this.#jobs.values()) held.stop.abort()
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    await Promise.allSettled([...this.#inHand])
    signal.removeEventListener('abort', stop)
  }

  async #run(order: Order, client: string, { record, stop }: Held): Promise<void> {
    const { queue, tools, onFault } = this.#options
    try {
      await queue.run(client, stop.signal, () => {
        record.setState('running')
        return runOperation(order, tools, {
          signal: stop.signal,
          output: record,
          onProgress: ({ done, total }) => record.setProgress(total === null ? 0 : done / total),
        })
      })
      record.setState('done')
    } catch (error) {
      if (stop.signal.aborted) record.setState('cancelled')
      else {
        if (isFault(error)) onFault(error, record.id)
        record.setState('failed', problemOf(error))
      }
    }
  }

  #find(id: string): Held {
    this.#forgetOld()
    const held = this.#jobs.get(id)
    if (held === undefined) throw unknownJob(id)
    return held
  }

  /** Forgets jobs whose time is over, and the oldest if there are too many. */
  #forgetOld(): void {
    const { clock, tools } = this.#options
    const limit = clock() - 1000 * tools.limits.resultSeconds
    for (const [id, { record }] of this.#jobs) {
      if (record.endedAt !== null && (record.endedAt <= limit || this.#jobs.size > MAX_JOBS)) this.#jobs.delete(id)
    }
  }

  /**
   * Makes room for more bytes of results. If removing the jobs that have ended would not be enough, none is removed.
   *
   * @throws DiffWaveError `TOO_LARGE`
   */
  #reserve(more: number): void {
    const { resultBytes } = this.#options.tools.limits
    let [bytes, least] = [more, more]
    for (const { record } of this.#jobs.values()) {
      bytes += record.bytes
      if (!hasEnded(record)) least += record.bytes
    }
    if (least > resultBytes) throw resultsTooLarge(resultBytes, String(least))
    for (const [id, { record }] of this.#jobs) {
      if (bytes <= resultBytes) return
      if (!hasEnded(record)) continue
      bytes -= record.bytes
      this.#jobs.delete(id)
    }
  }
}
