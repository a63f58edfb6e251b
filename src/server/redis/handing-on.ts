/**
 * Jobs that a worker cannot do and hands on. BullMQ offers a job to whichever worker asks first, and the worker that
 * has just refused it is free. Therefore each time the job comes back later. A worker that is offered it again skips
 * one turn, until every other free worker has had its turn.
 */
import { setTimeout } from 'node:timers/promises'
import { MAX_PASS_SHARE, PASS_SECONDS, SIT_OUT_SHARE } from '../limits.js'

export class HandingOn {
  readonly #lockSeconds: number
  readonly #stopping: AbortSignal
  /** The jobs that were refused since this worker last skipped a turn. */
  readonly #refused = new Set<string>()

  /** @param stopping ends the wait */
  constructor(lockSeconds: number, stopping: AbortSignal) {
    this.#lockSeconds = lockSeconds
    this.#stopping = stopping
  }

  /** Seconds before a job is offered again. @param passes how often it was handed on before */
  seconds(passes: number): number {
    return Math.min(PASS_SECONDS * 2 ** passes, MAX_PASS_SHARE * this.#lockSeconds)
  }

  /**
   * Skips a turn if this worker has refused the job before, until the job has been offered again. It does so only once
   * for all waiting jobs, since jobs that it can do may be behind them.
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
