/**
 * The queue of requests from the streams of one engine. Requests that wait at the same time run together, each on one
 * thread, if that keeps all threads busy: then no thread waits for another. Otherwise a request gets all threads. The
 * bytes are the same either way.
 */
import { throwIfAborted } from '../../core/errors.js'
import type { Handle, KernelAddon, PredictWork, StreamHandle } from './addon.js'
import type { NativeQueue } from './queue.js'

/** Max share of time that a thread may be idle if requests run together. */
const IDLE_SHARE = 0.2

/** The work on one piece of a stream, without the byte that stops it. */
export type PieceWork = Omit<PredictWork, 'cancelled'>

interface PendingPiece {
  readonly stream: StreamHandle
  readonly work: PieceWork
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
  #waiting: PendingPiece[] = []

  constructor(addon: KernelAddon, handle: Handle, queue: NativeQueue, threads: number) {
    this.#addon = addon
    this.#handle = handle
    this.#queue = queue
    this.#threads = addon.predictTogether === undefined ? 1 : threads
  }

  /**
   * Queues a request of a stream. Requests of the same stream run in order.
   *
   * @param checkAlive called right before the work starts
   * @returns the number of samples written
   * @throws DiffWaveError `ABORTED`, `ENGINE_FAILED`, `DISPOSED`
   */
  feed(
    stream: StreamHandle,
    work: PieceWork,
    signal: AbortSignal | undefined,
    checkAlive: () => void,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ stream, work, signal, checkAlive, resolve, reject })
      // There is one turn per request. If an earlier turn already ran this request, the turn takes the next one, or
      // none.
      void this.#queue.after(() => this.#turn())
    })
  }

  /** Runs the next requests, except those that were stopped meanwhile. */
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
    const { cancelled, end } = this.#queue.watch(group.map(({ signal }) => signal))
    const works = group.map(({ work }, i) => ({ ...work, cancelled: cancelled[i]! }))
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
      end()
    }
  }

  /** Runs requests. @returns what each of them resolves to */
  async #run(streams: readonly StreamHandle[], works: readonly PredictWork[]): Promise<ArrayLike<number>> {
    if (streams.length === 0) return []
    if (streams.length === 1) return [await this.#addon.predict(this.#handle, streams[0]!, works[0]!)]
    const results = new Float64Array(streams.length)
    this.#queue.check(await this.#addon.predictTogether!(this.#handle, streams, works, results))
    return results
  }
}

/** How many of the first requests run together: a multiple of the threads, or 1. */
function togetherCount(waiting: readonly PendingPiece[], threads: number): number {
  const streams = new Set<StreamHandle>()
  const samples: number[] = []
  for (const { stream, work } of waiting) {
    if (streams.has(stream)) break
    streams.add(stream)
    samples.push(work.audio.length)
  }
  const count = samples.length - (samples.length % threads)
  if (threads === 1 || count < threads) return 1
  const together = samples.slice(0, count)
  const share = together.reduce((sum, size) => sum + size, 0) / threads
  // The pool gives each thread a range of the requests. Threads that finish early take over from the others.
  return Math.max(...together) * (count / threads) <= share * (1 + IDLE_SHARE) ? count : 1
}
