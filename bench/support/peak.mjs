/** Measures the peak performance of the machine between the runs that are compared with it. */
import { measurePeak } from '../engines/native.mjs'

/**
 * FLOP/s of each instruction set: the highest of one measurement per round. A single measurement before the runs might
 * happen while something else uses the processor or its clock is low. The share of the peak would then be far too high.
 */
export class Peaks {
  #threads
  /** @type {Map<Parameters<typeof measurePeak>[0], number>} */
  #highest = new Map()

  constructor(sets, threads) {
    this.#threads = threads
    for (const set of sets) this.#highest.set(set, 0)
    this.measure()
  }

  /** Measures all sets once more, with as many threads as the runs. Takes some tenths of a second per set. */
  measure() {
    for (const [set, highest] of this.#highest) {
      this.#highest.set(set, Math.max(highest, measurePeak(set, this.#threads)))
    }
  }

  /** The highest FLOP/s so far. */
  of(set) {
    return this.#highest.get(set)
  }

  /** The share of a set's peak that work of `gflop` reaches in its shortest time. */
  share(set, gflop, seconds) {
    return (gflop * 1e9) / seconds / this.#highest.get(set)
  }
}
