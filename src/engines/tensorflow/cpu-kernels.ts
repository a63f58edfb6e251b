/**
 * Kernels of TensorFlow.js's CPU backend that only move numbers: slices, padding and transposition. Its own compute the
 * place of each number from a list of coordinates, which takes longer than the matrix products of a network. These walk
 * along the strides, and give the same bytes.
 */
import tf = require('@tensorflow/tfjs-core')

/** Distances between neighbours along each axis. */
type Strides = readonly number[]

function rowMajor(shape: readonly number[]): Strides {
  const strides = new Array<number>(shape.length)
  let distance = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = distance
    distance *= shape[axis]!
  }
  return strides
}

/** The index of the first number of a block that begins at these coordinates. */
function indexOf(begin: readonly number[], strides: Strides): number {
  return begin.reduce((sum, coordinate, axis) => sum + coordinate * strides[axis]!, 0)
}

interface Side {
  readonly values: tf.TypedArray
  readonly first: number
  readonly strides: Strides
}

/** Copies a block of numbers from one array into another. */
function copyBlock(shape: readonly number[], source: Side, target: Side): void {
  const last = shape.length - 1
  const copyFrom = (axis: number, from: number, to: number): void => {
    const length = shape[axis]!
    const [fromStep, toStep] = [source.strides[axis]!, target.strides[axis]!]
    if (axis < last) {
      for (let i = 0; i < length; i++) copyFrom(axis + 1, from + i * fromStep, to + i * toStep)
      return
    }
    const [read, written] = [source.values, target.values]
    for (let i = 0; i < length; i++) written[to + i * toStep] = read[from + i * fromStep]!
  }
  if (last >= 0) copyFrom(0, source.first, target.first)
  else target.values[target.first] = source.values[source.first]!
}

interface Move {
  /** Shape of the output. */
  readonly shape: number[]
  /** Value of the output's other numbers. Default: 0. */
  readonly fill?: number
  /** Shape of the block that is copied. */
  readonly block: readonly number[]
  readonly from: { readonly first: number; readonly strides: Strides }
  /** Index in the output of the block's first number. */
  readonly to: number
}

/** A kernel that copies a block of its input `x` into its output. */
function mover(kernelName: string, plan: (x: tf.TensorInfo, attributes: tf.NamedAttrMap) => Move): tf.KernelConfig {
  return {
    kernelName,
    backendName: 'cpu',
    kernelFunc({ inputs, backend, attrs }) {
      const x = inputs['x']!
      const numbers = backend as tf.KernelBackend
      const { shape, fill = 0, block, from, to } = plan(x, attrs!)
      const values = tf.util.getTypedArrayFromDType(x.dtype as 'float32', tf.util.sizeFromShape(shape))
      if (fill !== 0) values.fill(fill)
      const source = { ...from, values: numbers.readSync(x.dataId) as tf.TypedArray }
      copyBlock(block, source, { values, first: to, strides: rowMajor(shape) })
      return { dataId: numbers.write(values, shape, x.dtype), shape, dtype: x.dtype }
    },
  }
}

const kernels: readonly tf.KernelConfig[] = [
  mover('Slice', (x, { begin, size }) => {
    const [first, shape] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin as number[], size as number[])
    tf.slice_util.assertParamsValid(x as tf.Tensor, first, shape)
    const strides = rowMajor(x.shape)
    return { shape, block: shape, from: { first: indexOf(first, strides), strides }, to: 0 }
  }),
  mover('PadV2', (x, { paddings, constantValue }) => {
    const sides = paddings as [number, number][]
    const shape = x.shape.map((length, axis) => sides[axis]![0] + length + sides[axis]![1])
    const before = sides.map(([count]) => count)
    return {
      shape,
      fill: constantValue as number,
      block: x.shape,
      from: { first: 0, strides: rowMajor(x.shape) },
      to: indexOf(before, rowMajor(shape)),
    }
  }),
  mover('Transpose', (x, { perm }) => {
    const axes = perm as number[]
    const strides = rowMajor(x.shape)
    const shape = axes.map(axis => x.shape[axis]!)
    return { shape, block: shape, from: { first: 0, strides: axes.map(axis => strides[axis]!) }, to: 0 }
  }),
]

/** Puts the kernels in the place of the backend's own, in this thread. */
export function registerCpuKernels(): void {
  for (const kernel of kernels) {
    tf.unregisterKernel(kernel.kernelName, 'cpu')
    tf.registerKernel(kernel)
  }
}
