/**
 * Async generators that can be ended while they wait. `return()` of an ordinary one waits for the `next()` before it:
 * forever, if that waits for something that never comes.
 */
// `preserve` keeps it in the declarations, for pages: without the types of Node.js they may lack `asyncDispose`.
/// <reference lib="esnext.disposable" preserve="true" />
import { onAbort } from './on-abort.js'

/** What ends a generator from outside. */
export interface StoppableOptions {
  /** The caller's signal. The work sees it as its own signal, and ends by itself. */
  readonly signal?: AbortSignal | undefined
  /** Fires when the work has lost what it needs. The pending call rejects at once with the signal's reason. */
  readonly lost?: AbortSignal | undefined
}

interface Waiting<Item> {
  readonly resolve: (result: IteratorResult<Item, void>) => void
  readonly reject: (error: unknown) => void
}

/**
 * Wraps an async generator. `return()`, `throw()` and `lost` settle pending calls of `next()` at once and stop the work
 * by its signal.
 */
export class Stoppable<Item> implements AsyncGenerator<Item, void, undefined> {
  readonly #stop = new AbortController()
  readonly #work: AsyncGenerator<Item, void, undefined>
  readonly #options: StoppableOptions
  readonly #waiting = new Set<Waiting<Item>>()

  /** @param open the work, which must end soon after its signal has fired. It begins with the first `next()` */
  constructor(open: (signal: AbortSignal) => AsyncGenerator<Item, void, undefined>, options: StoppableOptions = {}) {
    this.#work = open(this.#stop.signal)
    this.#options = options
  }

  next(): Promise<IteratorResult<Item, void>> {
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject }
      this.#waiting.add(waiting)
      // Only while somebody waits: a stream that was dropped halfway is not kept in memory by a signal.
      const { signal, lost } = this.#options
      const ignore = [
        onAbort(signal, () => this.#stop.abort(signal!.reason)),
        onAbort(lost, () => this.#end({ error: lost!.reason }).catch(() => {})),
      ]
      const settled = () => {
        this.#waiting.delete(waiting)
        for (const stop of ignore) stop()
      }
      this.#work.next().finally(settled).then(resolve, reject)
    })
  }

  /** Ends the stream. It waits for the end of the work only if no `next()` is pending. */
  async return(): Promise<IteratorResult<Item, void>> {
    await this.#end()
    return { done: true, value: undefined }
  }

  /** Ends the stream as `return` does, and rejects with the error. */
  async throw(error: unknown): Promise<never> {
    await this.#end()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Ends the stream, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** @param failure what the first pending call rejects with. Default: all pending calls resolve as done */
  async #end(failure?: { readonly error: unknown }): Promise<void> {
    const pending = [...this.#waiting]
    for (const [i, { resolve, reject }] of pending.entries()) {
      if (i === 0 && failure !== undefined) reject(failure.error)
      else resolve({ done: true, value: undefined })
    }
    if (pending.length === 0) {
      await this.#work.return()
      return
    }
    this.#stop.abort(failure?.error)
    // Not awaited: the work may wait for a callback of the caller, who waits here.
    this.#work.return().catch(() => {})
  }
}
