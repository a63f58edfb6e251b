/** The data that a pass has received but has no output for yet, with what the sampler carries. */
import { concatenateAudio } from '../core/concatenate.js'
import { DiffWaveError } from '../core/errors.js'
import type { PassState } from './samplers/sampler.js'

export class StateQueue {
  #waiting: PassState = { x: new Float32Array(0), carried: null }
  #position = 0

  /** Index in the clip of the first waiting sample. */
  get position(): number {
    return this.#position
  }

  append(state: PassState): void {
    this.#waiting = this.#waiting.x.length === 0 ? state : joined([this.#waiting, state])
  }

  /** Removes the first `count` samples. @throws DiffWaveError `ENGINE_FAILED` if fewer wait */
  take(count: number): PassState {
    const { x, carried } = this.#waiting
    if (count > x.length) {
      throw new DiffWaveError('ENGINE_FAILED', 'an engine returned more samples than it was fed', {
        expected: `at most ${x.length} samples`,
        got: String(count),
      })
    }
    this.#position += count
    this.#waiting = { x: x.subarray(count), carried: carried?.subarray(count) ?? null }
    return { x: x.subarray(0, count), carried: carried?.subarray(0, count) ?? null }
  }
}

/** Joins the states of pieces that follow each other. Either all of them carry something or none does. */
export function joined(pieces: readonly PassState[]): PassState {
  const carried = pieces.map(piece => piece.carried).filter(part => part !== null)
  return {
    x: concatenateAudio(pieces.map(piece => piece.x)),
    carried: carried.length === 0 ? null : concatenateAudio(carried),
  }
}
