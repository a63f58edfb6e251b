/** The queue of one native engine: the addon does one piece of work at a time, off the event loop. */
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { OUT_OF_MEMORY } from './constants.js'

export class NativeQueue {
  #last: Promise<unknown> = Promise.resolve()

  /**
   * Does a piece of work after what was asked before.
   *
   * @param work calls the addon; setting the byte it is given stops it
   * @throws DiffWaveError `ABORTED`, `ENGINE_FAILED`
   */
  async run(work: (cancelled: Uint8Array) => Promise<number>, signal?: AbortSignal): Promise<number> {
    throwIfAborted(signal)
    const cancelled = new Uint8Array(1)
    const cancel = () => cancelled.fill(1)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      const result = await this.after(() => {
        throwIfAborted(signal)
        return work(cancelled)
      })
      throwIfAborted(signal)
      if (result === OUT_OF_MEMORY) {
        throw new DiffWaveError('ENGINE_FAILED', 'the native engine’s working memory does not suffice', {
          hint: 'Take shorter clips, or allow more memory.',
        })
      }
      if (result < 0) throw new DiffWaveError('ENGINE_FAILED', 'the native engine refused what it was given')
      return result
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Calls `body` when nothing runs any more. */
  after<Result>(body: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#last.then(body)
    this.#last = result.catch(() => undefined)
    return result
  }
}
