/** Jobs in Redis from the side of the services. The side of the workers is in claim.ts. */
import type { Redis } from 'ioredis'
import { hasEnded, type JobEvent, type JobFile, type JobState, type JobView, type StoredFile } from '../jobs/job.js'
import { noFile, unknownJob } from '../jobs/refusals.js'
import {
  ARRIVAL_SECONDS,
  MAX_JOBS,
  MAX_POLLED_EVENTS,
  READ_BYTES,
  REMOVED_SECONDS,
  type ServiceLimits,
  UNCLAIMED_SECONDS,
} from '../limits.js'
import { Refusal } from '../refusal.js'
import { ADMIT, CONFIRM, INDEX_KEY, JOB_KEY, REMOVE } from './scripts.js'

/** A job that is submitted. */
export interface NewJob {
  readonly id: string
  /** Name of the operation. */
  readonly kind: string
  readonly client: string
  /** The order, as text of order.ts. */
  readonly order: string
  readonly body: Uint8Array
}

/** The events of a job after the last known one. */
export interface PolledEvents {
  readonly events: readonly JobEvent[]
  /** Whether the job has ended, so that no more events follow. */
  readonly over: boolean
}

/** Runs one of the Lua scripts. */
export async function runScript(client: Redis, script: string, args: readonly (string | number | Buffer)[]) {
  return client.eval(script, 2, INDEX_KEY, JOB_KEY, ...args)
}

/** Bytes as an argument of a command, without a copy. */
export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** An id as services make them. Any other text may name another key, as `ID:body` does. */
const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** The key of a job. @throws Refusal `UNKNOWN_JOB` */
function keyOf(id: string): string {
  if (ID.test(id)) return JOB_KEY + id
  throw unknownJob(id)
}

/** Converts a state in Redis, which has one more than clients see. */
function stateOf(text: string | undefined): JobState {
  return text === 'arriving' ? 'queued' : (text as JobState)
}

export class JobStore {
  readonly #client: Redis
  readonly #limits: ServiceLimits
  readonly #clock: () => number

  /** @param clock milliseconds since 1970 */
  constructor(client: Redis, limits: ServiceLimits, clock: () => number) {
    this.#client = client
    this.#limits = limits
    this.#clock = clock
  }

  /**
   * Stores a job with its body. `confirm` follows once it is queued.
   *
   * @throws Refusal `TOO_MANY_REQUESTS`, `QUEUE_FULL`, `STORE_UNAVAILABLE`
   */
  async admit({ id, kind, client, order, body }: NewJob): Promise<void> {
    const { queue, perClient, resultBytes } = this.#limits
    const reply = await this.#run(ADMIT, [
      ...[id, this.#clock(), client, body.length, queue, perClient, MAX_JOBS, resultBytes],
      ...[1000 * ARRIVAL_SECONDS, kind, order],
    ])
    const [code, got] = reply as [string, number]
    if (code !== 'ok') throw noPlace(code, got, this.#limits)
    if (body.length === 0) return
    await this.#ask(() => this.#client.set(`${JOB_KEY}${id}:body`, asBuffer(body), 'EX', ARRIVAL_SECONDS))
  }

  /** Keeps a queued job until a worker takes it. */
  async confirm(id: string): Promise<void> {
    await this.#run(CONFIRM, [id, this.#clock(), 1000 * UNCLAIMED_SECONDS])
  }

  /** @throws Refusal `UNKNOWN_JOB` */
  async view(id: string): Promise<JobView> {
    const key = keyOf(id)
    const [record, files] = await this.#ask(() =>
      Promise.all([this.#client.hgetall(key), this.#client.lrange(`${key}:files`, 0, -1)]),
    )
    if (record['kind'] === undefined || record['gone'] !== undefined) throw unknownJob(id)
    const time = (text: string | undefined) => (text === undefined ? null : new Date(Number(text)).toISOString())
    return {
      id,
      kind: record['kind'],
      state: stateOf(record['state']),
      created: time(record['created'])!,
      started: time(record['started']),
      finished: time(record['finished']),
      progress: Number(record['progress']),
      files: files.map(text => JSON.parse(text) as JobFile),
      problem: record['problem'] ? JSON.parse(record['problem']) : null,
    }
  }

  /** Cancels a job if it has not ended, and removes it. @throws Refusal `UNKNOWN_JOB` */
  async remove(id: string): Promise<JobView> {
    const before = await this.view(id)
    const now = this.#clock()
    const after: JobView = hasEnded(before)
      ? { ...before, files: [] }
      : { ...before, state: 'cancelled', finished: new Date(now).toISOString(), files: [] }
    if ((await this.#run(REMOVE, [id, now, JSON.stringify(after), 1000 * REMOVED_SECONDS])) === 0) throw unknownJob(id)
    return after
  }

  async poll(id: string, after: number): Promise<PolledEvents> {
    const key = keyOf(id)
    // The order matters: if the job has ended, all its events are stored.
    const [state, entries] = await this.#ask(() =>
      Promise.all([
        this.#client.hget(key, 'state'),
        this.#client.xrange(`${key}:events`, `${after + 1}-0`, '+', 'COUNT', MAX_POLLED_EVENTS),
      ]),
    )
    const events = entries.map(([number, fields]) => ({
      id: Number(number.split('-')[0]),
      name: fields[1]!,
      data: JSON.parse(fields[3]!),
    }))
    const over = state === null || hasEnded({ state: stateOf(state) })
    return { events, over: over && events.length < MAX_POLLED_EVENTS }
  }

  /** @throws Refusal `UNKNOWN_JOB`, `NOT_FOUND`, `NOT_READY` */
  async file(id: string, name: string): Promise<StoredFile> {
    const view = await this.view(id)
    const number = view.files.findIndex(file => file.name === name)
    if (number < 0) throw noFile(name, view)
    const file = view.files[number]!
    const pieces = this.#pieces(id, number, file.bytes)
    // Asked for now, since a job that is gone can still be refused.
    const first = await pieces.next()
    return { file, pieces: resumed(first, pieces) }
  }

  /** The bytes of a file, a piece at a time as they are read. @throws Refusal `UNKNOWN_JOB` if it is gone */
  async *#pieces(id: string, number: number, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    const key = `${keyOf(id)}:file:${number}`
    for (let at = 0; at < bytes; ) {
      const end = Math.min(at + READ_BYTES, bytes)
      const piece = await this.#ask(() => this.#client.getrangeBuffer(key, at, end - 1))
      if (piece.length < end - at) throw unknownJob(id)
      yield piece
      at = end
    }
  }

  /** Counts the jobs of all services by state. */
  async counts(): Promise<Readonly<Record<'queued' | 'running', number>>> {
    const entries = await this.#ask(() => this.#client.hvals(INDEX_KEY))
    const count = (state: string) => entries.filter(entry => entry.startsWith(`${state} `)).length
    return { queued: count('waiting'), running: count('running') }
  }

  #run(script: string, args: readonly (string | number | Buffer)[]): Promise<unknown> {
    return this.#ask(() => runScript(this.#client, script, args))
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      throw storeUnavailable(error)
    }
  }
}

async function* resumed(first: IteratorResult<Uint8Array, void>, rest: AsyncIterable<Uint8Array>) {
  if (first.done) return
  yield first.value
  yield* rest
}

/** The refusal if Redis does not answer. */
export function storeUnavailable(cause: unknown): Refusal {
  return new Refusal(503, 'STORE_UNAVAILABLE', 'the store of jobs does not answer', {
    hint: 'Try again after the seconds of Retry-After.',
    retryAfter: 5,
    cause,
  })
}

/** The refusal of a job for which there is no room. */
function noPlace(code: string, got: number, { queue, perClient, resultBytes }: ServiceLimits): Refusal {
  if (code === 'client') {
    return new Refusal(429, 'TOO_MANY_REQUESTS', 'this client has too many jobs in progress', {
      expected: `at most ${perClient} at a time`,
      got: String(got),
      hint: 'Wait for one of them to end.',
      retryAfter: FULL_SECONDS,
    })
  }
  const { problem, ...clauses } =
    code === 'queue'
      ? { problem: 'the queue is full', expected: `at most ${queue} waiting jobs`, got: String(got) }
      : { problem: 'the store of jobs is full', expected: `at most ${resultBytes} bytes of bodies and results` }
  return new Refusal(429, 'QUEUE_FULL', problem, {
    ...clauses,
    hint: 'Try again after the seconds of Retry-After.',
    retryAfter: FULL_SECONDS,
  })
}

/** Seconds to wait before a retry. The speed of the workers is unknown. */
const FULL_SECONDS = 5
