/** Named float32 arrays, as weight files hold them and engines use them. */

/** Row-major float32 numbers of a shape; a scalar has shape `[]`. */
export interface Tensor {
  /** Size of each axis. */
  readonly shape: readonly number[]
  /** The numbers; their count is the product of the axes. */
  readonly data: Float32Array
}

/** Tensors by name. A Map, because a plain object would let a tensor named `__proto__` set its prototype. */
export type Tensors = ReadonlyMap<string, Tensor>

/** How many numbers a shape holds. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/**
 * Whether no number is NaN or infinite: any other number times zero is zero. There are four sums, because each addition
 * waits for the one before it, and this runs over all weights at every start and in every update.
 */
export function allFinite(data: Float32Array): boolean {
  const whole = data.length - (data.length % 4)
  let [first, second, third, fourth] = [0, 0, 0, 0]
  for (let i = 0; i < whole; i += 4) {
    first += data[i]! * 0
    second += data[i + 1]! * 0
    third += data[i + 2]! * 0
    fourth += data[i + 3]! * 0
  }
  for (let i = whole; i < data.length; i++) first += data[i]! * 0
  return first + second + third + fourth === 0
}
