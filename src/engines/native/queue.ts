/**
 * The work queue of one engine. Its kernels do one piece of work at a time, off the event loop. The queue also knows
 * whether the engine was disposed.
 */
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { OUT_OF_MEMORY } from './results.js'

/**
 * How long an engine must have had nothing to do before it gives free memory back. Clips that come sooner find their
 * memory in place: to get it again takes some milliseconds.
 */
const IDLE_MS = 10_000

export interface QueueParts {
  /** Name of the engine, for messages. */
  readonly name: string
  /** Returns the byte that stops the next piece of work when it is set; it is 0 at first. Default: a new byte. */
  readonly cancelFlag?: (() => Uint8Array) | undefined
  /** Called in the queue's turn once nothing was queued for ten seconds. Default: nothing. */
  readonly whenIdle?: (() => Promise<unknown>) | undefined
}

export class NativeQueue {
  #end: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #idleTimer: ReturnType<typeof setTimeout> | undefined
  readonly #name: string
  readonly #cancelFlag: () => Uint8Array
  readonly #whenIdle: (() => Promise<unknown>) | undefined

  constructor({ name, cancelFlag = () => new Uint8Array(1), whenIdle }: QueueParts) {
    this.#name = name
    this.#cancelFlag = cancelFlag
    this.#whenIdle = whenIdle
  }

  /** @throws DiffWaveError `DISPOSED` if the queue has ended */
  checkAlive(): void {
    if (this.#end !== undefined) throw new DiffWaveError('DISPOSED', 'the engine was disposed')
  }

  /**
   * Ends the queue. From now on work is refused, also what is queued and has not begun.
   *
   * @param free called once nothing is running; only by the first call
   */
  end(free: () => void | Promise<void>): Promise<void> {
    this.#end ??= this.after(free)
    return this.#end
  }

  /**
   * Runs a piece of work after all that was queued before.
   *
   * @param work calls the addon, and passes it the byte that stops the work
   * @throws DiffWaveError `ABORTED`, `ENGINE_FAILED`, `DISPOSED`
   */
  async run(work: (cancelled: Uint8Array) => Promise<number>, signal?: AbortSignal): Promise<number> {
    this.checkAlive()
    throwIfAborted(signal)
    const result = await this.after(async () => {
      this.checkAlive()
      throwIfAborted(signal)
      const { cancelled, end } = this.watch([signal])
      try {
        return await work(cancelled[0]!)
      } finally {
        end()
      }
    })
    throwIfAborted(signal)
    return this.check(result)
  }

  /**
   * Checks what a piece of work resolved to.
   *
   * @returns it, unless it is negative
   * @throws DiffWaveError `ENGINE_FAILED`
   */
  check(result: number): number {
    if (result === OUT_OF_MEMORY) {
      throw new DiffWaveError('ENGINE_FAILED', `the ${this.#name} engine has too little working memory`, {
        hint: 'Use shorter clips, or allow more memory.',
      })
    }
    if (result < 0) throw new DiffWaveError('ENGINE_FAILED', `the ${this.#name} engine refused its input`)
    return result
  }

  /**
   * Provides the bytes that stop pieces of work, and sets each if its signal aborts. A signal gets one listener,
   * however many pieces it stops: Node.js warns of more than ten.
   *
   * @param signals one for each piece of work
   * @returns the bytes in the same order, and a function that stops listening to the signals
   */
  watch(signals: readonly (AbortSignal | undefined)[]): {
    readonly cancelled: readonly Uint8Array[]
    readonly end: () => void
  } {
    const cancelled = signals.map(() => this.#cancelFlag())
    const listeners = [...new Set(signals)].map(signal => {
      const cancel = () => {
        for (const [i, byte] of cancelled.entries()) if (signals[i] === signal) byte.fill(1)
      }
      signal?.addEventListener('abort', cancel, { once: true })
      return () => signal?.removeEventListener('abort', cancel)
    })
    return {
      cancelled,
      end: () => {
        for (const remove of listeners) remove()
      },
    }
  }

  /** Calls `body` once nothing is running, also after the queue has ended. */
  after<Result>(body: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#last.then(body)
    const ended = result.then(ignore, ignore)
    this.#last = ended
    if (this.#whenIdle === undefined) return result
    clearTimeout(this.#idleTimer)
    void ended.then(() => {
      if (this.#last === ended) this.#awaitIdleness(this.#whenIdle!)
    })
    return result
  }

  #awaitIdleness(whenIdle: () => Promise<unknown>): void {
    this.#idleTimer = setTimeout(() => {
      this.#last = this.#last.then(whenIdle).then(ignore, ignore)
    }, IDLE_MS)
    letProcessEnd(this.#idleTimer)
  }
}

function ignore(): void {}

/** Lets the process end before the timer does. Only Node.js has `unref`. A timer of a page keeps nothing alive. */
function letProcessEnd(timer: unknown): void {
  if (typeof timer !== 'object' || timer === null) return
  if ('unref' in timer && typeof timer.unref === 'function') timer.unref()
}
