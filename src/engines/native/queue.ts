/** The queue of one engine: the kernels do one piece of work at a time, off the event loop. */
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { OUT_OF_MEMORY } from './constants.js'

export class NativeQueue {
  #last: Promise<unknown> = Promise.resolve()
  readonly #name: string
  readonly #cancelFlag: () => Uint8Array

  /**
   * @param name of the engine, for messages
   * @param cancelFlag returns a byte, zero, that stops the next piece of work when it is set
   */
  constructor(name: string, cancelFlag: () => Uint8Array = () => new Uint8Array(1)) {
    this.#name = name
    this.#cancelFlag = cancelFlag
  }

  /**
   * Does a piece of work after what was asked before.
   *
   * @param work calls the addon; setting the byte it is given stops it
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

  /** @returns a job's result if it is none of the negative ones. @throws DiffWaveError `ENGINE_FAILED` */
  check(result: number): number {
    if (result === OUT_OF_MEMORY) {
      throw new DiffWaveError('ENGINE_FAILED', `the ${this.#name} engine’s working memory does not suffice`, {
        hint: 'Take shorter clips, or allow more memory.',
      })
    }
    if (result < 0) throw new DiffWaveError('ENGINE_FAILED', `the ${this.#name} engine refused what it was given`)
    return result
  }

  /** Sets a byte for a piece of work to watch if the signal aborts. @returns the byte, and what ends that */
  watch(signal: AbortSignal | undefined): { readonly cancelled: Uint8Array; readonly end: () => void } {
    const cancelled = this.#cancelFlag()
    const cancel = () => cancelled.fill(1)
    signal?.addEventListener('abort', cancel, { once: true })
    return { cancelled, end: () => signal?.removeEventListener('abort', cancel) }
  }

  /** Calls `body` when nothing runs any more. */
  after<Result>(body: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#last.then(body)
    this.#last = result.catch(() => undefined)
    return result
  }
}
