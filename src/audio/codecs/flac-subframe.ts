/**
 * One channel of a FLAC frame (RFC 9639, section 9.2): constant, verbatim, or a prediction and its Rice-coded residual.
 */
import type { DiffWaveError } from '../../core/errors.js'
import type { BitReader } from './bit-reader.js'

export interface Subframe {
  /** Bits of a sample: those of the frame, and one more for a side channel. */
  readonly bits: number
  /** Receives the decoded samples. */
  readonly numbers: Float64Array
  readonly length: number
}

/** Turns a problem into the error to throw. */
type Fail = (problem: string) => DiffWaveError

/** Coefficients of the fixed predictors of orders 0 to 4, nearest sample first. */
const fixedPredictors: readonly (readonly number[])[] = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]]

/** Decodes a subframe. The sums stay below 2^53: samples of 33 bits, coefficients of 15 bits, order up to 32. */
export function decodeSubframe(reader: BitReader, subframe: Subframe, fail: Fail): void {
  const { numbers, length } = subframe
  if (reader.read(1) !== 0) throw fail('a subframe is malformed')
  const type = reader.read(6)
  const wasted = reader.read(1) === 1 ? reader.readUnary() + 1 : 0
  const bits = subframe.bits - wasted
  if (bits < 1) throw fail('a subframe has no bits')
  if (type === 0) {
    numbers.fill(reader.readSigned(bits), 0, length)
  } else if (type === 1) {
    for (let i = 0; i < length; i++) numbers[i] = reader.readSigned(bits)
  } else if (type >= 8 && type <= 12) {
    const order = type - 8
    warmUp(reader, subframe, order, bits, fail)
    decodeResidual(reader, subframe, order, fail)
    predict(numbers, length, fixedPredictors[order]!, 0)
  } else if (type >= 32) {
    const order = type - 31
    warmUp(reader, subframe, order, bits, fail)
    const precision = reader.read(4) + 1
    const shift = reader.readSigned(5)
    if (precision === 16 || shift < 0) throw fail('a predictor is malformed')
    const coefficients = Array.from({ length: order }, () => reader.readSigned(precision))
    decodeResidual(reader, subframe, order, fail)
    predict(numbers, length, coefficients, shift)
  } else {
    throw fail('a subframe has an unknown type')
  }
  // A damaged predictor grows without bound. An intact one stays within the declared number of bits.
  const limit = 2 ** (bits - 1)
  for (let i = 0; i < length; i++) {
    if (!(numbers[i]! >= -limit && numbers[i]! < limit)) throw fail('its numbers are out of range')
  }
  if (wasted > 0) for (let i = 0; i < length; i++) numbers[i]! *= 2 ** wasted
}

function warmUp(reader: BitReader, { numbers, length }: Subframe, order: number, bits: number, fail: Fail): void {
  if (order > length) throw fail('a predictor is longer than its block')
  for (let i = 0; i < order; i++) numbers[i] = reader.readSigned(bits)
}

/** Decodes the residual in partitions. Each has its own Rice parameter, or holds plain numbers. */
function decodeResidual(reader: BitReader, { numbers, length }: Subframe, order: number, fail: Fail): void {
  const method = reader.read(2)
  if (method > 1) throw fail('a residual has an unknown coding')
  const parameterBits = method === 0 ? 4 : 5
  const rawNumbers = method === 0 ? 15 : 31
  const partitions = 2 ** reader.read(4)
  const size = length / partitions
  if (!Number.isInteger(size) || size < order) throw fail('a residual is malformed')
  for (let partition = 0, i = order; partition < partitions; partition++) {
    const end = (partition + 1) * size
    const parameter = reader.read(parameterBits)
    if (parameter === rawNumbers) {
      const bits = reader.read(5)
      for (; i < end; i++) numbers[i] = reader.readSigned(bits)
      continue
    }
    const scale = 2 ** parameter
    for (; i < end; i++) {
      const folded = reader.readUnary() * scale + reader.read(parameter)
      numbers[i] = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2
    }
  }
}

/** Adds to each residual the prediction from the samples before it: ⌊Σ c_k x_{n−k} / 2^shift⌋. */
function predict(numbers: Float64Array, length: number, coefficients: readonly number[], shift: number): void {
  const order = coefficients.length
  const scale = 1 / 2 ** shift
  for (let i = order; i < length; i++) {
    let sum = 0
    for (let k = 0; k < order; k++) sum += coefficients[k]! * numbers[i - 1 - k]!
    numbers[i]! += Math.floor(sum * scale)
  }
}
