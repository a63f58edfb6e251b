/**
 * Gradients of the operations in the network. The Node build of TensorFlow.js core has none, since its own gradients
 * are published only as modules for bundlers. tfjs-node, if it is installed, registers all of them.
 */
import tf = require('@tensorflow/tfjs-core')

type Attributes = tf.NamedAttrMap | undefined

/** Sums dy over the broadcast axes, so that it has the shape of the input. */
function reduceTo(dy: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = tf.backend_util.getReductionAxes(shape, dy.shape)
  return tf.reshape(axes.length > 0 ? tf.sum(dy, axes) : dy, shape)
}

function attribute<T>(attributes: Attributes, name: string): T {
  return attributes![name] as T
}

/** 1 where x > 0, else 0. */
function positive(x: tf.Tensor): tf.Tensor {
  return tf.cast(tf.greater(x, 0), 'float32')
}

/** The product of explicitly transposed matrices. The WASM backend is slow at reading a matrix transposed. */
function product(a: tf.Tensor2D, b: tf.Tensor2D, transposeA: boolean, transposeB: boolean): tf.Tensor2D {
  const transposed = (matrix: tf.Tensor2D) => tf.transpose(matrix)
  return tf.matMul(transposeA ? transposed(a) : a, transposeB ? transposed(b) : b)
}

const configs: readonly tf.GradConfig[] = [
  // Operations that keep the values: reshaping, and casting to the same type.
  { kernelName: 'Identity', gradFunc: dy => ({ x: () => tf.clone(dy as tf.Tensor) }) },
  {
    kernelName: 'Add',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => ({
      a: () => reduceTo(dy as tf.Tensor, a!.shape),
      b: () => reduceTo(dy as tf.Tensor, b!.shape),
    }),
  },
  {
    kernelName: 'Sub',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => ({
      a: () => reduceTo(dy as tf.Tensor, a!.shape),
      b: () => tf.neg(reduceTo(dy as tf.Tensor, b!.shape)),
    }),
  },
  {
    kernelName: 'Multiply',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => ({
      a: () => reduceTo(tf.mul(dy as tf.Tensor, b!), a!.shape),
      b: () => reduceTo(tf.mul(dy as tf.Tensor, a!), b!.shape),
    }),
  },
  {
    kernelName: 'RealDiv',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => ({
      a: () => reduceTo(tf.div(dy as tf.Tensor, b!), a!.shape),
      b: () => tf.neg(reduceTo(tf.div(tf.mul(dy as tf.Tensor, a!), tf.mul(b!, b!)), b!.shape)),
    }),
  },
  {
    kernelName: 'BatchMatMul',
    inputsToSave: ['a', 'b'],
    gradFunc: (gradient, [left, right], attributes) => {
      const dy = gradient as tf.Tensor2D
      const a = left as tf.Tensor2D
      const b = right as tf.Tensor2D
      const transposeA = attribute<boolean>(attributes, 'transposeA')
      const transposeB = attribute<boolean>(attributes, 'transposeB')
      return {
        a: () => (transposeA ? product(b, dy, transposeB, true) : product(dy, b, false, !transposeB)),
        b: () => (transposeB ? product(dy, a, true, transposeA) : product(a, dy, !transposeA, false)),
      }
    },
  },
  {
    kernelName: 'Reshape',
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({ x: () => tf.reshape(dy as tf.Tensor, x!.shape) }),
  },
  {
    kernelName: 'Slice',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attributes) => {
      const begin = attribute<number[]>(attributes, 'begin')
      const size = (dy as tf.Tensor).shape
      return {
        x: () =>
          tf.pad(
            dy as tf.Tensor,
            x!.shape.map((length, axis): [number, number] => [begin[axis]!, length - begin[axis]! - size[axis]!]),
          ),
      }
    },
  },
  {
    kernelName: 'PadV2',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attributes) => {
      const paddings = attribute<[number, number][]>(attributes, 'paddings')
      return {
        x: () =>
          tf.slice(
            dy as tf.Tensor,
            paddings.map(([before]) => before),
            x!.shape,
          ),
      }
    },
  },
  {
    kernelName: 'Concat',
    saveAllInputs: true,
    gradFunc: (dy, saved, attributes) => {
      const axis = tf.util.parseAxisParam(attribute<number>(attributes, 'axis'), saved[0]!.shape)[0]!
      const gradients: Record<string, () => tf.Tensor> = {}
      let start = 0
      saved.forEach((input, i) => {
        const begin = input.shape.map((_, d) => (d === axis ? start : 0))
        gradients[i] = () => tf.slice(dy as tf.Tensor, begin, input.shape)
        start += input.shape[axis]!
      })
      return gradients
    },
  },
  {
    kernelName: 'Pack',
    saveAllInputs: true,
    gradFunc: (dy, saved, attributes) => {
      const axis = attribute<number>(attributes, 'axis')
      const gradients: Record<string, () => tf.Tensor> = {}
      saved.forEach((input, i) => {
        const stacked = (dy as tf.Tensor).shape
        gradients[i] = () =>
          tf.reshape(
            tf.slice(
              dy as tf.Tensor,
              stacked.map((_, d) => (d === axis ? i : 0)),
              stacked.map((length, d) => (d === axis ? 1 : length)),
            ),
            input.shape,
          )
      })
      return gradients
    },
  },
  {
    kernelName: 'Transpose',
    gradFunc: (dy, _, attributes) => {
      const undone = tf.backend_util.getUndoAxesPermutation(attribute<number[]>(attributes, 'perm'))
      return { x: () => tf.transpose(dy as tf.Tensor, undone) }
    },
  },
  {
    kernelName: 'Sigmoid',
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => tf.mul(dy as tf.Tensor, tf.mul(y!, tf.sub(1, y!))) }),
  },
  {
    kernelName: 'Tanh',
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => tf.mul(dy as tf.Tensor, tf.sub(1, tf.mul(y!, y!))) }),
  },
  {
    kernelName: 'Relu',
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({ x: () => tf.mul(dy as tf.Tensor, positive(x!)) }),
  },
  {
    kernelName: 'LeakyRelu',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attributes) => {
      const slope = attribute<number>(attributes, 'alpha')
      return { x: () => tf.mul(dy as tf.Tensor, tf.add(tf.mul(positive(x!), 1 - slope), slope)) }
    },
  },
  {
    // PyTorch's convention: the gradient of |x| at 0 is 0.
    kernelName: 'Abs',
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({ x: () => tf.mul(dy as tf.Tensor, tf.sub(positive(x!), positive(tf.neg(x!)))) }),
  },
  {
    kernelName: 'Sum',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attributes) => {
      const axes = tf.util.parseAxisParam(attribute<number | number[]>(attributes, 'axis'), x!.shape)
      const kept = x!.shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
      return { x: () => tf.mul(tf.reshape(dy as tf.Tensor, kept), tf.ones(x!.shape)) }
    },
  },
]

/** Registers the missing gradients. Each thread has its own registry, so it is done once per thread. */
export function registerGradients(): void {
  for (const config of configs) {
    if (tf.getGradient(config.kernelName) == null) tf.registerGradient(config)
  }
}
