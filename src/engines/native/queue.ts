/** The work queue of one engine. Its kernels do one piece of work at a time, off the event loop. */
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { OUT_OF_MEMORY } from './constants.js'

export class NativeQueue {
  #last: Promise<unknown> = Promise.resolve()
  readonly #name: string
  readonly #cancelFlag: () => Uint8Array

  /**
   * @param name of the engine, for messages
   * @param cancelFlag returns the byte that stops the next piece of work when it is set; it is 0 at first
   */
  constructor(name: string, cancelFlag: () => Uint8Array = () => new Uint8Array(1)) {
    this.#name = name
    this.#cancelFlag = cancelFlag
  }

  /**
   * Runs a piece of work after all that was queued before.
   *
   * @param work calls the addon, and passes it the byte that stops the work
   * @throws DiffWaveError `ABORTED`, `ENGINE_FAILED`
   */
  async run(work: (cancelled: Uint8Array) => Promise<number>, signal?: AbortSignal): Promise<number> {
    throwIfAborted(signal)
    const result = await this.after(async () => {
      throwIfAborted(signal)
      const { cancelled, end } = this.watch(signal)
      try {
        return await work(cancelled)
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
      throw new DiffWaveError('ENGINE_FAILED', `the ${this.#name} engine’s working memory does not suffice`, {
        hint: 'Take shorter clips, or allow more memory.',
      })
    }
    if (result < 0) throw new DiffWaveError('ENGINE_FAILED', `the ${this.#name} engine refused what it was given`)
    return result
  }

  /**
   * Provides the byte that stops a piece of work, and sets it if the signal aborts.
   *
   * @returns the byte, and a function that stops listening to the signal
   */
  watch(signal: AbortSignal | undefined): { readonly cancelled: Uint8Array; readonly end: () => void } {
    const cancelled = this.#cancelFlag()
    const cancel = () => cancelled.fill(1)
    signal?.addEventListener('abort', cancel, { once: true })
    return { cancelled, end: () => signal?.removeEventListener('abort', cancel) }
  }

  /** Calls `body` once nothing is running. */
  after<Result>(body: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#last.then(body)
    this.#last = result.catch(() => undefined)
    return result
  }
}
