/** Work that several calls wait for, each with a signal and a callback of its own. */
import type { Callback } from './callback.js'
import { abortError, throwIfAborted } from './errors.js'
import { onAbort } from './on-abort.js'
import { orAborted } from './until-aborted.js'

/** How a call follows the work. */
export interface Following<Report> {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: Callback<Report> | undefined
}

/** What the work gets, on behalf of all calls. */
interface SharedOptions<Report> {
  readonly signal: AbortSignal
  readonly onProgress: (report: Report) => Promise<void>
}

interface Caller<Report> {
  readonly signal: AbortSignal | undefined
  readonly onProgress: Callback<Report> | undefined
  readonly fail: (error: unknown) => void
}

/** Work that goes on until every call that waits for it has been stopped. */
export class SharedWork<Result, Report> {
  readonly #stop = new AbortController()
  readonly #callers = new Set<Caller<Report>>()
  readonly #result: Promise<Result>
  #failed = false

  /** @param work begins at once */
  constructor(work: (options: SharedOptions<Report>) => Promise<Result>) {
    this.#result = work({ signal: this.#stop.signal, onProgress: report => this.#report(report) })
    this.#result.catch(() => {
      this.#failed = true
    })
  }

  /** Whether a call can still get the result: not after a failure, nor once the last call has been stopped. */
  get isOpen(): boolean {
    return !this.#failed && !this.#stop.signal.aborted
  }

  /**
   * Waits for the result. A signal, or an error in `onProgress`, ends this call only, unless it is the last one: that
   * one stops the work and waits for its end.
   *
   * @throws DiffWaveError `ABORTED`, what `onProgress` throws, and what the work throws
   */
  async join({ signal, onProgress }: Following<Report>): Promise<Result> {
    throwIfAborted(signal)
    return new Promise((resolve, reject) => {
      let failure: { readonly error: unknown } | null = null
      const fail = (error: unknown) => {
        failure ??= { error }
        this.#callers.delete(caller)
        if (this.#callers.size > 0) reject(error)
        else this.#stop.abort()
      }
      const caller = { onProgress, signal, fail }
      this.#callers.add(caller)
      const ignore = onAbort(signal, () => fail(abortError(signal!.reason)))
      const settle = (end: () => void) => {
        this.#callers.delete(caller)
        ignore()
        if (failure === null) end()
        else reject(failure.error)
      }
      this.#result.then(
        result => settle(() => resolve(result)),
        error => settle(() => reject(error)),
      )
    })
  }

  async #report(report: Report): Promise<void> {
    for (const { onProgress, signal, fail } of [...this.#callers]) {
      try {
        await orAborted(onProgress?.(report), signal)
      } catch (error) {
        fail(error)
      }
    }
  }
}
