/** Arrays that a file lays out by strides, as numpy and PyTorch do. */
import { elementCount } from '../core/tensor.js'

/**
 * The numbers of a strided array in row-major order.
 *
 * @param offset index of its first number in `source`
 * @param strides how far apart neighbours along each axis lie; the caller has checked that none lies outside
 */
export function rowMajor(
  source: Float32Array,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): Float32Array {
  const result = new Float32Array(elementCount(shape))
  const index = new Array<number>(shape.length).fill(0)
  let at = offset
  for (let i = 0; i < result.length; i++) {
    result[i] = source[at]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      at -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return result
}
