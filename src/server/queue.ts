/** The queue of work: a few pieces run at a time, a bounded number waits, and one client cannot fill it. */
import { abortError, throwIfAborted } from '../core/errors.js'
import type { ServiceLimits } from './limits.js'
import { Refusal, shuttingDown } from './refusal.js'

/** How much work there is. */
export interface QueueState {
  readonly running: number
  readonly waiting: number
}

interface WaitingWork {
  readonly client: string
  start(): void
}

/** Seconds to wait for a free place if no work has finished yet. */
const FIRST_GUESS = 1
/** Share of the latest duration in the running mean. */
const RECENT = 0.2
const MAX_RETRY_SECONDS = 120

export class WorkQueue {
  readonly #limits: Pick<ServiceLimits, 'parallel' | 'queue' | 'perClient'>
  readonly #clock: () => number
  readonly #waiting: WaitingWork[] = []
  /** Pieces of work in hand, by client. */
  readonly #running = new Map<string, number>()
  #idle: (() => void)[] = []
  #meanSeconds = FIRST_GUESS
  #closed = false

  /** @param clock seconds, from any origin */
  constructor(limits: Pick<ServiceLimits, 'parallel' | 'queue' | 'perClient'>, clock: () => number) {
    this.#limits = limits
    this.#clock = clock
  }

  get state(): QueueState {
    let running = 0
    for (const count of this.#running.values()) running += count
    return { running, waiting: this.#waiting.length }
  }

  /** Refuses a client's work that would not find a place now. @throws Refusal `QUEUE_FULL`, `SHUTTING_DOWN`, … */
  admit(client: string): void {
    if (this.#closed) throw shuttingDown()
    const { parallel, queue, perClient } = this.#limits
    const own = (this.#running.get(client) ?? 0) + this.#waiting.filter(other => other.client === client).length
    if (own >= perClient) {
      throw new Refusal(429, 'TOO_MANY_REQUESTS', 'this client has too many requests in progress', {
        expected: `at most ${perClient} at a time`,
        got: String(own + 1),
        hint: 'Wait for one of them to end.',
        retryAfter: this.#retryAfter(),
      })
    }
    const { running, waiting } = this.state
    if (running < parallel || waiting < queue) return
    throw new Refusal(429, 'QUEUE_FULL', 'the queue is full', {
      expected: `at most ${queue} waiting requests`,
      got: String(waiting + 1),
      hint: 'Try again after the seconds of Retry-After.',
      retryAfter: this.#retryAfter(),
    })
  }

  /**
   * Does a piece of work when its turn comes. Of those that wait, the first one of the client with the fewest pieces in
   * hand is next.
   *
   * @param signal leaves the queue
   * @throws Refusal as `admit`; DiffWaveError `ABORTED`; and what the work throws
   */
  async run<T>(client: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    this.admit(client)
    throwIfAborted(signal)
    if (this.state.running >= this.#limits.parallel) await this.#turn(client, signal)
    else this.#count(client, 1)
    const start = this.#clock()
    try {
      return await work()
    } finally {
      this.#meanSeconds += RECENT * (this.#clock() - start - this.#meanSeconds)
      this.#count(client, -1)
      this.#next()
    }
  }

  /** Admits no more work. @returns when all work in hand has ended */
  async close(): Promise<void> {
    this.#closed = true
    const { running, waiting } = this.state
    if (running + waiting > 0) await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  /** Waits for a place, which is counted as taken when it is given. */
  #turn(client: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        // Nothing else can start: what leaves here was waiting, and had no place.
        this.#waiting.splice(this.#waiting.indexOf(entry), 1)
        reject(abortError(signal.reason))
      }
      const entry = {
        client,
        start: () => {
          signal.removeEventListener('abort', leave)
          this.#count(client, 1)
          resolve()
        },
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(entry)
    })
  }

  #next(): void {
    if (this.#waiting.length > 0 && this.state.running < this.#limits.parallel) {
      const inHand = ({ client }: WaitingWork) => this.#running.get(client) ?? 0
      const fewest = Math.min(...this.#waiting.map(inHand))
      const at = this.#waiting.findIndex(entry => inHand(entry) === fewest)
      this.#waiting.splice(at, 1)[0]!.start()
    }
    const { running, waiting } = this.state
    if (running + waiting > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #count(client: string, change: number): void {
    const count = (this.#running.get(client) ?? 0) + change
    if (count > 0) this.#running.set(client, count)
    else this.#running.delete(client)
  }

  #retryAfter(): number {
    const { running, waiting } = this.state
    const seconds = ((waiting + running) * this.#meanSeconds) / this.#limits.parallel
    return Math.max(1, Math.min(MAX_RETRY_SECONDS, Math.ceil(seconds)))
  }
}
