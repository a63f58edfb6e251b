/** Fourier transforms under a window as convolutions, in a graph. */
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'

/** Rows of a windowed Fourier transform. */
export interface FourierBasis {
  /** Names the constants; bases of one graph differ in it. */
  readonly name: string
  /** `[size]`, the window on every row. */
  readonly window: Float64Array
  /** Bins from 0 Hz up. */
  readonly bins: number
  /** Factor of each bin. Default 1. */
  readonly factor?: (bin: number) => number
}

/**
 * `[2 · bins, 1, size]`: windowed cosines, then sines; the weights of a convolution. They are made from a table of one
 * period, so that a file has kilobytes instead of megabytes; runtimes fold them into a constant when they load it.
 */
export function fourierRows(graph: OnnxGraph, { name, window, bins, factor }: FourierBasis): OnnxValue {
  const size = window.length
  const range = (count: number, shape: readonly [number, number]) =>
    graph.node('Reshape', [
      graph.node('Range', [graph.integer(0), graph.integer(count), graph.integer(1)]),
      graph.integers(...shape),
    ])
  const products = graph.node('Mul', [range(bins, [bins, 1]), range(size, [1, size])])
  const places = graph.node('Mod', [products, graph.integer(size)])
  let samples = graph.floats(`${name} window`, [size], window)
  if (factor !== undefined) {
    const factors = Array.from({ length: bins }, (_, bin) => factor(bin))
    samples = graph.node('Mul', [samples, graph.floats(`${name} factors`, [bins, 1], factors)])
  }
  const halves = [Math.cos, Math.sin].map(wave => {
    const period = Array.from({ length: size }, (_, i) => wave((2 * Math.PI * i) / size))
    const table = graph.floats(`${wave === Math.cos ? 'cosines' : 'sines'} ${size}`, [size], period)
    return graph.node('Mul', [graph.node('Gather', [table, places]), samples])
  })
  return graph.node('Reshape', [graph.node('Concat', halves, { axis: 0 }), graph.integers(2 * bins, 1, size)])
}

/** Where windows lie: one every `stride` samples, the first `before` samples before the clip's first. */
export interface WindowPlaces {
  readonly stride: number
  /** Samples before the clip that the first window covers, and after it the last. */
  readonly pads: readonly [number, number]
}

/**
 * 1 / Σ of the squared windows over each sample of a clip, `[1, 1, T]`: windows beyond the clip do not count.
 *
 * @param count number of windows, `[1]`
 */
export function inverseSquares(
  graph: OnnxGraph,
  name: string,
  window: Float64Array,
  count: OnnxValue,
  { stride, pads }: WindowPlaces,
): OnnxValue {
  const shape = graph.node('Concat', [graph.integers(1, 1), count], { axis: 0 })
  const ones = graph.node('Expand', [graph.scalar(1), shape])
  const squares = graph.floats(
    `${name} squares`,
    [1, 1, window.length],
    window.map(w => w * w),
  )
  return graph.node('Reciprocal', [graph.node('ConvTranspose', [ones, squares], { strides: [stride], pads })])
}
