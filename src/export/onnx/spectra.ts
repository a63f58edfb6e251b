/**
 * Short Fourier transforms in a graph, in float64. Our engines, too, compute the prior of a windowed front end and the
 * correction towards the mel in float64. Spectra span five orders of magnitude. In float32 the rounding errors of loud
 * bins would reach the quiet bins, where the network and the correction magnify them.
 *
 * Shapes: B clips, F windows, one every `hop` samples, L samples per window, T = F × hop samples.
 */
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'

/** The division of a clip into windows. All lengths are in samples. */
export interface SpectraShape {
  /** Prefix for the names of constants, unique within a graph. */
  readonly name: string
  /** The window, `[L]`, applied before and after the transform. */
  readonly window: Float64Array
  readonly hop: number
  /** Samples before the clip that the first window covers. */
  readonly before: number
}

/** Computes the windows of clips and their spectra, and converts them back by overlap-add. */
export class SpectraGraph {
  readonly #graph: OnnxGraph
  readonly #shape: SpectraShape
  /** Number of hops that a window covers. */
  readonly #parts: number
  readonly #window: OnnxValue
  /** 1 / Σ of the squared windows over each sample, without windows beyond the clip. `[1, T]` in float64. */
  readonly #inverseSquares: OnnxValue

  /** @param count number of windows F, `[1]` */
  constructor(graph: OnnxGraph, shape: SpectraShape, count: OnnxValue) {
    const { name, window, hop } = shape
    this.#graph = graph
    this.#shape = shape
    this.#parts = Math.ceil(window.length / hop)
    this.#window = graph.doubles(`${name} window`, [window.length], window)
    const squares = graph.doubles(
      `${name} squares`,
      [1, 1, window.length],
      window.map(w => w * w),
    )
    const each = graph.node('Concat', [graph.integers(1), count, graph.integers(1)], { axis: 0 })
    this.#inverseSquares = graph.node('Reciprocal', [this.#added(graph.node('Expand', [squares, each]))])
  }

  /** Converts audio, `[B, T]`, to real and imaginary parts, `[B, F, L/2 + 1, 2]` in float64. */
  forward(audio: OnnxValue): OnnxValue {
    const graph = this.#graph
    const { window, hop, before } = this.#shape
    const parts = this.#parts
    // The last window may end after the clip or before the end of its hops.
    const after = (parts - 1) * hop - before
    const padded = graph.node('Pad', [audio, graph.integers(0, before, 0, after)])
    const blocks = graph.node('Reshape', [padded, graph.integers(0, -1, hop)])
    const shifted = Array.from({ length: parts }, (_, part) =>
      graph.slice(blocks, 1, part, part === parts - 1 ? undefined : part + 1 - parts),
    )
    const windows = graph.slice(graph.node('Concat', shifted, { axis: 2 }), 2, 0, window.length)
    const windowed = graph.node('Mul', [graph.cast(windows, 'double'), this.#window])
    return graph.node('DFT', [graph.node('Unsqueeze', [windowed, graph.integers(3)])], { axis: 2, onesided: 1 })
  }

  /** Converts spectra, `[B, F, L/2 + 1, 2]` in float64, to audio, `[B, T]`. */
  inverse(spectra: OnnxValue): OnnxValue {
    const graph = this.#graph
    const half = this.#shape.window.length / 2
    // The bins L/2 − 1 … 1 follow again, conjugated.
    const mirrored = graph.slice(spectra, 2, half - 1, 0, -1)
    const conjugate = graph.node('Mul', [mirrored, graph.doubles('conjugate', [2], [1, -1])])
    const whole = graph.node('Concat', [spectra, conjugate], { axis: 2 })
    const pieces = graph.slice(graph.node('DFT', [whole], { axis: 2, inverse: 1 }), 3, 0, 1)
    const windowed = graph.node('Mul', [graph.node('Squeeze', [pieces, graph.integers(3)]), this.#window])
    return graph.cast(graph.node('Mul', [this.#added(windowed), this.#inverseSquares]), 'float')
  }

  /** Overlap-add: `[B, F, L]` → `[B, T]`. */
  #added(pieces: OnnxValue): OnnxValue {
    const graph = this.#graph
    const { window, hop, before } = this.#shape
    const parts = this.#parts
    const missing = parts * hop - window.length
    const whole = missing === 0 ? pieces : graph.node('Pad', [pieces, graph.integers(0, 0, 0, 0, 0, missing)])
    const sum = graph
      .nodes('Split', [whole], { axis: 2 }, parts)
      .map((piece, part) => graph.node('Pad', [piece, graph.integers(0, part, 0, 0, parts - 1 - part, 0)]))
      .reduce((total, piece) => graph.node('Add', [total, piece]))
    const end = before - (parts - 1) * hop
    const samples = graph.node('Reshape', [sum, graph.integers(0, -1)])
    return graph.slice(samples, 1, before, end === 0 ? undefined : end)
  }
}
