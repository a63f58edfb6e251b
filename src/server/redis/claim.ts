/** One attempt of a worker at a job in Redis. It can read and write as long as it holds the job. */
import type { Redis } from 'ioredis'
import { DiffWaveError } from '../../core/errors.js'
import type { JobFile, JobState, JobView } from '../jobs/job.js'
import { resultsTooLarge } from '../jobs/refusals.js'
import { MAX_REDIS_FILE_BYTES, UNCLAIMED_SECONDS } from '../limits.js'
import type { Facts } from '../operations/operation.js'
import type { Problem } from '../problem.js'
import { asBuffer, runScript } from './job-store.js'
import { CLAIM, FINISH, HELD, JOB_KEY, PUT_BACK, TELL, WRITE } from './scripts.js'

const KEEP_MILLISECONDS = 1000 * UNCLAIMED_SECONDS

/** The job was cancelled or given to another worker. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost'
}

/** Limits of the results of a job. */
interface Bounds {
  /** Max bytes of the bodies and results of all jobs. */
  readonly resultBytes: number
  readonly resultSeconds: number
}

/** A job that a worker takes over. */
interface Claimed {
  readonly id: string
  readonly attempt: number
  readonly passes: number
  readonly refusals: number
  readonly lastEvent: number
  readonly kind: string
  /** Milliseconds since 1970. */
  readonly created: number
  readonly order: string
}

/** The reply of the script. */
type ClaimReply = [
  attempt: string,
  passes: string,
  refusals: string,
  lastEvent: string,
  kind: string,
  created: string,
  order: string,
]

export class Claim {
  readonly #client: Redis
  readonly #clock: () => number
  readonly #record: Claimed
  readonly #started: number
  readonly #files: JobFile[] = []
  #lastEvent: number
  #share = 0

  private constructor(client: Redis, clock: () => number, record: Claimed, started: number) {
    this.#client = client
    this.#clock = clock
    this.#record = record
    this.#started = started
    this.#lastEvent = record.lastEvent
  }

  /** Takes over a job. Returns null if it no longer exists. @param clock milliseconds since 1970 */
  static async take(client: Redis, id: string, clock: () => number): Promise<Claim | null> {
    const now = clock()
    const reply = await runScript(client, CLAIM, [id, now, KEEP_MILLISECONDS])
    if (reply === null) return null
    const [attempt, passes, refusals, lastEvent, kind, created, order] = reply as ClaimReply
    const record = {
      id,
      attempt: Number(attempt),
      passes: Number(passes),
      refusals: Number(refusals),
      lastEvent: Number(lastEvent),
      kind,
      created: Number(created),
      order,
    }
    return new Claim(client, clock, record, now)
  }

  get id(): string {
    return this.#record.id
  }

  /** The order, as text of order.ts. */
  get order(): string {
    return this.#record.order
  }

  /** How often a worker has put the job back or handed it on. */
  get passes(): number {
    return this.#record.passes
  }

  /** How often in a row a worker has refused the job while no other worker could do it. */
  get refusals(): number {
    return this.#record.refusals
  }

  /** Number of workers that have begun the job and not handed it on, including this one. */
  get attempts(): number {
    return this.#record.attempt - this.#record.passes
  }

  /** Reads the body of the request; empty if there is none. */
  async body(): Promise<Uint8Array> {
    return (await this.#client.getBuffer(`${JOB_KEY}${this.id}:body`)) ?? new Uint8Array(0)
  }

  /** @throws ClaimLost */
  async check(): Promise<void> {
    await this.#change(HELD, [])
  }

  /** Records that the work begins. @throws ClaimLost */
  async begin(): Promise<void> {
    await this.tell('state', { ...this.#view('running') })
  }

  /** @throws ClaimLost */
  async tell(name: string, data: Facts): Promise<void> {
    await this.#tell(name, data, '', '')
  }

  /** @param share of the work that is done, 0 to 1 @throws ClaimLost */
  async progress(share: number): Promise<void> {
    this.#share = share
    await this.#tell('progress', { progress: share }, String(share), '')
  }

  /**
   * Writes bytes of a file.
   *
   * @param number of the file, from 0
   * @param size bytes of the whole file, as far as known: a file that will not fit is refused at its first bytes
   * @throws ClaimLost; DiffWaveError `TOO_LARGE`
   */
  async write(
    number: number,
    offset: number,
    bytes: Uint8Array,
    { resultBytes }: Bounds,
    size: number | null = null,
  ): Promise<void> {
    const end = Math.max(offset + bytes.length, size ?? 0)
    if (end > MAX_REDIS_FILE_BYTES) {
      throw new DiffWaveError('TOO_LARGE', 'the result is too large', {
        expected: `at most ${MAX_REDIS_FILE_BYTES} bytes`,
        hint: 'Request shorter audio.',
      })
    }
    const args = [number, offset, asBuffer(bytes), end, resultBytes, KEEP_MILLISECONDS]
    if ((await this.#change(WRITE, args)) === -1) throw resultsTooLarge(resultBytes, 'more')
  }

  /** Records that a file is complete. @throws ClaimLost */
  async complete(file: JobFile): Promise<void> {
    this.#files.push(file)
    await this.#tell('file', { ...file }, '', JSON.stringify(file))
  }

  /** Ends the job. @param problem reason if it failed @throws ClaimLost */
  async finish(state: 'done' | 'failed', { resultSeconds }: Bounds, problem: Problem | null = null): Promise<void> {
    const data = JSON.stringify(this.#view(state, problem))
    const text = problem === null ? '' : JSON.stringify(problem)
    await this.#change(FINISH, [++this.#lastEvent, data, state, text, 1000 * resultSeconds])
  }

  /** Puts the job back, so that another worker can take it. @throws ClaimLost */
  async putBack(): Promise<void> {
    this.#files.length = 0
    this.#share = 0
    await this.#change(PUT_BACK, [++this.#lastEvent, JSON.stringify(this.#view('queued')), KEEP_MILLISECONDS, 0])
  }

  /** Hands the job on before the work begins. Clients that watch it see no event. @throws ClaimLost */
  async handOn(refusals: number): Promise<void> {
    await this.#change(PUT_BACK, [this.#lastEvent, '', KEEP_MILLISECONDS, refusals])
  }

  #view(state: JobState, problem: Problem | null = null): JobView {
    const { id, kind, created } = this.#record
    const time = (milliseconds: number) => new Date(milliseconds).toISOString()
    return {
      id,
      kind,
      state,
      created: time(created),
      started: state === 'queued' ? null : time(this.#started),
      finished: state === 'done' || state === 'failed' ? time(this.#clock()) : null,
      progress: state === 'done' ? 1 : this.#share,
      files: [...this.#files],
      problem,
    }
  }

  async #tell(name: string, data: Facts, progress: string, file: string): Promise<void> {
    await this.#change(TELL, [++this.#lastEvent, name, JSON.stringify(data), KEEP_MILLISECONDS, progress, file])
  }

  async #change(script: string, args: readonly (string | number | Buffer)[]): Promise<unknown> {
    const { id, attempt } = this.#record
    const reply = await runScript(this.#client, script, [id, attempt, this.#clock(), ...args])
    if (reply === 0) throw new ClaimLost('the job no longer belongs to this worker')
    return reply
  }
}
