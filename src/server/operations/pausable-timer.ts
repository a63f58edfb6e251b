/** A timer that can be paused. */
export class PausableTimer {
  #left: number
  #started = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #onEnd: () => void

  /**
   * It is paused at first.
   *
   * @param onEnd called once the timer has run for so long in all
   */
  constructor(seconds: number, onEnd: () => void) {
    this.#left = seconds * 1000
    this.#onEnd = onEnd
  }

  run(): void {
    this.pause()
    this.#started = performance.now()
    this.#timer = setTimeout(this.#onEnd, this.#left)
  }

  pause(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#left = Math.max(0, this.#left - (performance.now() - this.#started))
  }
}
