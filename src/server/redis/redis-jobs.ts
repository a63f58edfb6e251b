/** Jobs for workers on other machines. BullMQ queues them, and Redis stores them. */
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Queue } from 'bullmq'
import { abortError } from '../../core/errors.js'
import type { JobEvent, JobView, StoredFile } from '../jobs/job.js'
import type { Jobs } from '../jobs/jobs.js'
import { EVENT_POLL_SECONDS } from '../limits.js'
import type { OperationTools } from '../operations/operation.js'
import type { Order } from '../operations/run-operation.js'
import { Refusal, shuttingDown } from '../refusal.js'
import { type Connection, connect } from './connect.js'
import { JobStore, storeUnavailable } from './job-store.js'
import { settled, writeOrder } from './order.js'
import { loadRedisPackages } from './packages.js'
import { QUEUE_NAME, QUEUE_PREFIX } from './queue-name.js'

export interface RedisJobsOptions {
  /** Address of the server, such as `redis://host:6379`. */
  readonly url: string
  readonly tools: OperationTools
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Called with errors of the connection, for a log. */
  readonly onError: (error: Error) => void
  /** Ends the attempt to connect. */
  readonly signal: AbortSignal | undefined
}

export class RedisJobs implements Jobs {
  readonly isRemote = true
  readonly #tools: OperationTools
  readonly #connection: Connection
  readonly #queue: Queue
  readonly #store: JobStore
  readonly #closing = new AbortController()

  private constructor(connection: Connection, queue: Queue, { tools, clock }: RedisJobsOptions) {
    this.#connection = connection
    this.#queue = queue
    this.#tools = tools
    this.#store = new JobStore(connection.client, tools.limits, clock)
  }

  /** @throws DiffWaveError `BAD_OPTION`, `MISSING_PACKAGE`, `REDIS_UNAVAILABLE` */
  static async open(options: RedisJobsOptions): Promise<RedisJobs> {
    const packages = await loadRedisPackages()
    const { onError, signal } = options
    const connection = await connect(packages, options.url, { patient: false, onError, signal })
    const queue = new packages.Queue(QUEUE_NAME, { connection: connection.client, prefix: QUEUE_PREFIX })
    // The queue shares the client, which reports its errors itself.
    queue.on('error', () => {})
    return new RedisJobs(connection, queue, options)
  }

  async submit(order: Order, client: string): Promise<JobView> {
    if (this.#closing.signal.aborted) throw shuttingDown()
    const { models, limits } = this.#tools
    const job = await settled(order, models)
    const id = randomUUID()
    const kind = job.operation.name
    await this.#store.admit({ id, kind, client, order: writeOrder(job, limits), body: job.body })
    try {
      // The state is in the job's record, so BullMQ can remove its own entry when the job ends.
      await this.#queue.add(kind, {}, { jobId: id, removeOnComplete: true, removeOnFail: true })
    } catch (error) {
      throw storeUnavailable(error)
    }
    await this.#store.confirm(id)
    return this.#store.view(id)
  }

  view(id: string): Promise<JobView> {
    return this.#store.view(id)
  }

  remove(id: string): Promise<JobView> {
    // The worker notices it by itself. One that takes the job later finds nothing to do.
    return this.#store.remove(id)
  }

  async *events(id: string, after: number, signal: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
    const ended = AbortSignal.any([signal, this.#closing.signal])
    for (let last = after; ; ) {
      const { events, over } = await this.#store.poll(id, last).catch(error => {
        // Watching continues after the server was unreachable.
        if (error instanceof Refusal && error.code === 'STORE_UNAVAILABLE') return { events: [], over: false }
        throw error
      })
      for (const event of events) {
        last = event.id
        yield event
      }
      if (over) return
      if (ended.aborted) throw abortError()
      if (events.length === 0) await setTimeout(1000 * EVENT_POLL_SECONDS, null, { signal: ended }).catch(() => {})
    }
  }

  file(id: string, name: string): Promise<StoredFile> {
    return this.#store.file(id, name)
  }

  counts(): Promise<Readonly<Record<'queued' | 'running', number>>> {
    return this.#store.counts()
  }

  /** Closes the connection. The jobs stay with the workers. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#queue.close().catch(() => {})
    this.#connection.close()
  }
}
