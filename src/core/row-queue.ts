/** A queue of rows of numbers. Rows arrive in order, and only those that are still needed are kept. */
export class RowQueue<Values extends Float32Array | Float64Array> {
  readonly #Kind: new (
    length: number,
  ) => Values
  readonly #width: number
  /** The rows from `#base` on, `#used` numbers in all, then spare room. Rows before `#first` are no longer needed. */
  #values: Values
  #used = 0
  #base = 0
  #first = 0

  /** @param Kind of array, as `Float32Array` @param width numbers per row */
  constructor(Kind: new (length: number) => Values, width: number) {
    this.#Kind = Kind
    this.#width = width
    this.#values = new Kind(0)
  }

  /** Index of the first row that is still kept. */
  get first(): number {
    return this.#first
  }

  /** Number of rows that have arrived, including dropped ones. */
  get end(): number {
    return this.#base + this.#used / this.#width
  }

  /** @param values whole rows, `[rows × width]` */
  append(values: Values): void {
    if (this.#used + values.length > this.#values.length) this.#makeRoom(values.length)
    this.#values.set(values, this.#used)
    this.#used += values.length
  }

  /**
   * Moves the kept rows to a larger array, a quarter of which is spare, so that a queue that only grows is copied only
   * a few times.
   */
  #makeRoom(count: number): void {
    const kept = this.rows(this.#first, this.end)
    this.#values = new this.#Kind(kept.length + count + Math.floor(kept.length / 4))
    this.#values.set(kept)
    this.#used = kept.length
    this.#base = this.#first
  }

  /**
   * Rows from … to − 1, `[rows × width]`. This is a view, valid until the next `append`.
   *
   * @throws RangeError if a row was dropped or has not arrived yet
   */
  rows(from: number, to: number): Values {
    if (from < this.#first || to > this.end) {
      throw new RangeError(`rows ${from} to ${to - 1} of a queue that has ${this.#first} to ${this.end - 1}`)
    }
    const at = (row: number) => (row - this.#base) * this.#width
    return this.#values.subarray(at(from), at(to)) as Values
  }

  /**
   * Drops the rows before this one. Memory is freed only once half of it is unused, so that a call is cheap on average.
   */
  forget(row: number): void {
    const first = Math.min(row, this.end)
    if (first <= this.#first) return
    this.#first = first
    if (2 * (first - this.#base) < this.end - this.#base) return
    this.#values = this.rows(first, this.end).slice() as Values
    this.#used = this.#values.length
    this.#base = first
  }
}
