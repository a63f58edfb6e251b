/**
 * Requests of the streams of one engine. What streams ask for at the same time runs together, one thread each, if that
 * keeps all threads busy: no thread then waits for another. Otherwise a request has all threads to itself. The bytes
 * are the same.
 */
import { throwIfAborted } from '../../core/errors.js'
import type { Handle, KernelAddon, PredictWork, StreamHandle } from './addon.js'
import type { NativeQueue } from './queue.js'

/** A thread may be idle for this share of the time that requests take together. */
const IDLE_SHARE = 0.2

/** What a stream is fed, without the byte that stops it. */
export type Feeding = Omit<PredictWork, 'cancelled'>

interface Waiting {
  readonly stream: StreamHandle
  readonly feeding: Feeding
  readonly signal: AbortSignal | undefined
  /** @throws DiffWaveError `DISPOSED` */
  readonly checkAlive: () => void
  readonly resolve: (written: number) => void
  readonly reject: (error: unknown) => void
}

export class StreamQueue {
  readonly #addon: KernelAddon
  readonly #handle: Handle
  readonly #queue: NativeQueue
  readonly #threads: number
  #waiting: Waiting[] = []

  constructor(addon: KernelAddon, handle: Handle, queue: NativeQueue, threads: number) {
    this.#addon = addon
    this.#handle = handle
    this.#queue = queue
    this.#threads = addon.predictTogether === undefined ? 1 : threads
  }

  /**
   * Feeds a stream, after what it was fed before.
   *
   * @param checkAlive called right before the work starts
   * @returns the samples written
   * @throws DiffWaveError `ABORTED`, `ENGINE_FAILED`, `DISPOSED`
   */
  feed(
    stream: StreamHandle,
    feeding: Feeding,
    signal: AbortSignal | undefined,
    checkAlive: () => void,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ stream, feeding, signal, checkAlive, resolve, reject })
      // One turn per request. A turn that finds its request done by an earlier one takes the next, or none.
      void this.#queue.after(() => this.#turn())
    })
  }

  /** Runs the next requests, but those that were stopped meanwhile. */
  async #turn(): Promise<void> {
    this.#waiting = this.#waiting.filter(({ signal, checkAlive, reject }) => {
      try {
        throwIfAborted(signal)
        checkAlive()
        return true
      } catch (error) {
        reject(error)
        return false
      }
    })
    const group = this.#waiting.splice(0, togetherCount(this.#waiting, this.#threads))
    const watched = group.map(({ signal }) => this.#queue.watch(signal))
    const works = group.map(({ feeding }, i) => ({ ...feeding, cancelled: watched[i]!.cancelled }))
    try {
      const results = await this.#run(
        group.map(({ stream }) => stream),
        works,
      )
      for (const [i, { signal, resolve, reject }] of group.entries()) {
        try {
          throwIfAborted(signal)
          resolve(this.#queue.check(results[i]!))
        } catch (error) {
          reject(error)
        }
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    } finally {
      for (const { end } of watched) end()
    }
  }

  /** What each request resolves to. */
  async #run(streams: readonly StreamHandle[], works: readonly PredictWork[]): Promise<ArrayLike<number>> {
    if (streams.length === 0) return []
    if (streams.length === 1) return [await this.#addon.predict(this.#handle, streams[0]!, works[0]!)]
    const results = new Float64Array(streams.length)
    this.#queue.check(await this.#addon.predictTogether!(this.#handle, streams, works, results))
    return results
  }
}

/** How many of the first requests run together: a multiple of the threads, or 1. */
function togetherCount(waiting: readonly Waiting[], threads: number): number {
  const streams = new Set<StreamHandle>()
  const samples: number[] = []
  for (const { stream, feeding } of waiting) {
    if (streams.has(stream)) break
    streams.add(stream)
    samples.push(feeding.audio.length)
  }
  const count = samples.length - (samples.length % threads)
  if (threads === 1 || count < threads) return 1
  const together = samples.slice(0, count)
  const share = together.reduce((sum, size) => sum + size, 0) / threads
  // The pool gives each thread a range of the requests, and those that are ready the rest of the others'.
  return Math.max(...together) * (count / threads) <= share * (1 + IDLE_SHARE) ? count : 1
}
