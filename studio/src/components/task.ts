/** One piece of work at a time: its progress, how to stop it, and why it failed. A new one stops the one before. */
import { batch, signal } from '@preact/signals-core'
import type { Watch } from '../backend/studio-backend.js'
import { asProblem, isAbort, type StudioProblem } from '../core/problem.js'

export class Task {
  readonly running = signal(false)
  /** 0 to 1; `null` before anything is known. */
  readonly progress = signal<number | null>(null)
  readonly problem = signal<StudioProblem | null>(null)
  /** How the last work ended; `null` before, meanwhile and if it failed. */
  readonly outcome = signal<'done' | 'stopped' | null>(null)
  #stop: AbortController | null = null
  #again: (() => unknown) | null = null

  /**
   * Runs work to its end.
   *
   * @param again what `retry` does. Default: the same work, which must not depend on settings that may change meanwhile
   * @returns whether it ended well
   */
  async run(work: (watch: Watch) => Promise<void>, again: () => unknown = () => this.run(work)): Promise<boolean> {
    this.#stop?.abort()
    const stop = new AbortController()
    this.#stop = stop
    this.#again = again
    batch(() => {
      this.running.value = true
      this.progress.value = null
      this.problem.value = null
      this.outcome.value = null
    })
    try {
      await work({
        signal: stop.signal,
        onProgress: share => {
          if (this.#stop === stop) this.progress.value = share
        },
      })
      return !stop.signal.aborted
    } catch (error) {
      if (this.#stop === stop && !isAbort(error) && !stop.signal.aborted) this.problem.value = asProblem(error)
      return false
    } finally {
      if (this.#stop === stop) {
        this.#stop = null
        batch(() => {
          this.running.value = false
          if (this.problem.value === null) this.outcome.value = stop.signal.aborted ? 'stopped' : 'done'
        })
      }
    }
  }

  stop(): void {
    this.#stop?.abort()
  }

  /** Does the last piece of work again, with the settings of now. */
  retry(): void {
    this.#again?.()
  }
}
