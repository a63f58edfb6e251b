/**
 * f0 and voicing at every sample, interpolated from the frames of a mel. Voicing v is 1 in frames with pitch, 0 in
 * others, and linear in between; ln f0 is linear, too. In frames without pitch, f0 goes on towards the next pitch, or
 * stays at the last one.
 */
import { RowQueue } from '../core/row-queue.js'

/** f0 in Hz before the first pitch is found. */
export const FIRST_PITCH = 100

/** f0 and voicing within one frame. */
export interface ContourFrame {
  readonly number: number
  /** f0 in Hz. @param share of the frame, 0 … 1 */
  pitch(share: number): number
  /** v, 0 … 1. @param share of the frame, 0 … 1 */
  voicing(share: number): number
}

/** The contour of one clip, read in order as its frames arrive. */
export class PitchContour {
  /** Samples per frame. */
  readonly hop: number
  /** f0 of frames, 0 without pitch. Frames before the one that was read last are dropped. */
  readonly #frames = new RowQueue<Float64Array>(Float64Array, 1)
  #ended = false
  /** ln f0 of the last frame before `#frames.first` that had a pitch. */
  #last = Math.log(FIRST_PITCH)

  /** @param hop samples per frame */
  constructor(hop: number) {
    this.hop = hop
  }

  /** Appends f0 of frames in Hz, 0 without pitch. @param last no more follow */
  push(pitch: Float64Array, last: boolean): void {
    this.#frames.append(pitch)
    this.#ended = last
  }

  /** Length of the clip in samples; Infinity until the mel has ended. */
  get length(): number {
    return this.#ended ? this.#frames.end * this.hop : Number.POSITIVE_INFINITY
  }

  /** The frame that a sample lies in. Call it in order of samples, when this frame and the next have arrived. */
  frameOf(sample: number): ContourFrame {
    const number = Math.floor(sample / this.hop)
    this.#forget(number)
    const [here = 0, following] = this.#frames.rows(number, Math.min(number + 2, this.#frames.end))
    const next = following ?? here
    const start = here > 0 ? Math.log(here) : next > 0 ? Math.log(next) : this.#last
    const end = next > 0 ? Math.log(next) : start
    const steady = start === end ? Math.exp(start) : null
    const [from, to] = [here > 0 ? 1 : 0, next > 0 ? 1 : 0]
    return {
      number,
      pitch: share => steady ?? Math.exp(start + (end - start) * share),
      voicing: share => from + (to - from) * share,
    }
  }

  #forget(number: number): void {
    const { first } = this.#frames
    if (number === first) return
    const pitched = this.#frames.rows(first, number).findLast(f0 => f0 > 0)
    if (pitched !== undefined) this.#last = Math.log(pitched)
    this.#frames.forget(number)
  }
}
