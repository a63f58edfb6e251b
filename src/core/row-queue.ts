/** Rows of numbers that arrive in order and are read for a while: only those that are still needed are kept. */
import { concatenate } from './concatenate.js'

export class RowQueue<Values extends Float32Array | Float64Array> {
  readonly #Kind: new (
    length: number,
  ) => Values
  readonly #width: number
  #values: Values
  #first = 0

  /** @param Kind of array, as `Float32Array` @param width numbers per row */
  constructor(Kind: new (length: number) => Values, width: number) {
    this.#Kind = Kind
    this.#width = width
    this.#values = new Kind(0)
  }

  /** Index of the first row that is kept. */
  get first(): number {
    return this.#first
  }

  /** Rows that have arrived, forgotten ones included. */
  get end(): number {
    return this.#first + this.#values.length / this.#width
  }

  /** @param values whole rows, `[rows × width]` */
  append(values: Values): void {
    this.#values = concatenate(this.#Kind, [this.#values, values])
  }

  /** Rows from … to − 1, `[rows × width]`: a view, good until the next `append`. @param from not before `first` */
  rows(from: number, to: number): Values {
    const at = (row: number) => (row - this.#first) * this.#width
    return this.#values.subarray(at(from), at(to)) as Values
  }

  /** Drops the rows before this one. */
  forget(row: number): void {
    const first = Math.min(row, this.end)
    if (first <= this.#first) return
    this.#values = this.rows(first, this.end).slice() as Values
    this.#first = first
  }
}
