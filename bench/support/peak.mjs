/** The peak of the machine, taken between the runs that are held against it. */
import { measurePeak } from '../engines/native.mjs'

/**
 * FLOP/s of each instruction set: the highest of a measurement per round. One measurement before the runs could fall
 * into a moment when something else used the processor or its clock was low; the share of the peak was then far above
 * what the kernels reach.
 */
export class Peaks {
  #threads
  #highest = {}

  constructor(sets, threads) {
    this.#threads = threads
    for (const set of sets) this.#highest[set] = 0
    this.measure()
  }

  /** Measures all sets once more, with as many threads as the runs. Takes some tenths of a second per set. */
  measure() {
    for (const [set, highest] of Object.entries(this.#highest)) {
      this.#highest[set] = Math.max(highest, measurePeak(set, this.#threads))
    }
  }

  /** FLOP/s. */
  of(set) {
    return this.#highest[set]
  }

  /** Share of a set's peak that work of `gflop` reaches in the fewest seconds that it took. */
  share(set, gflop, seconds) {
    return (gflop * 1e9) / seconds / this.#highest[set]
  }
}
