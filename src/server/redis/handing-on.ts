/**
 * Jobs that a worker cannot do and hands on. BullMQ offers a job to whoever asks first, and the worker that has just
 * refused it is free: so the job comes back later each time, and a worker that is offered it again sits out once, until
 * every other one that is free has had its turn.
 */
import { setTimeout } from 'node:timers/promises'
import { MAX_PASS_SHARE, PASS_SECONDS, SIT_OUT_SHARE } from '../limits.js'

export class HandingOn {
  readonly #lockSeconds: number
  readonly #stopping: AbortSignal
  /** Jobs refused since this worker last sat out. */
  readonly #refused = new Set<string>()

  /** @param stopping ends sitting out */
  constructor(lockSeconds: number, stopping: AbortSignal) {
    this.#lockSeconds = lockSeconds
    this.#stopping = stopping
  }

  /** Seconds before a job is offered again. @param passes times that it was handed on before */
  seconds(passes: number): number {
    return Math.min(PASS_SECONDS * 2 ** passes, MAX_PASS_SHARE * this.#lockSeconds)
  }

  /**
   * Sits out until a job has been offered again, if this worker has refused it before. Not more than once for all jobs
   * that wait: this worker's own may be behind them.
   */
  async sitOut(id: string, passes: number): Promise<void> {
    if (!this.#refused.has(id)) {
      this.#refused.add(id)
      return
    }
    this.#refused.clear()
    const seconds = this.seconds(passes) + SIT_OUT_SHARE * this.#lockSeconds
    await setTimeout(1000 * seconds, undefined, { signal: this.#stopping }).catch(() => {})
  }
}
