/**
 * The bands of a mel over the bins of its transform, in a graph (src/audio/mel/bands.ts): the wanted content of each
 * band, and the ratios that move the bins towards it.
 *
 * Shapes: B clips, M bands, L bins, F mel frames.
 */
import { MelBands } from '../../audio/mel/bands.js'
import type { MelConvention } from '../../audio/mel/convention.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import { melAmplitudes } from './mel-levels.js'

const TINY = 1e-12

export class MelBandsGraph {
  readonly bands: MelBands
  /** Amplitudes (or powers) of the mel, `[B, M, F]`. */
  readonly targets: OnnxValue
  readonly #graph: OnnxGraph
  /** Filters of the bands, `[M, L]`. */
  readonly #filters: OnnxValue
  /** The weights of each bin divided by their sum, `[L, M]`. */
  readonly #shares: OnnxValue

  /** @param mel `[B, M, F]` */
  constructor(graph: OnnxGraph, mel: OnnxValue, convention: MelConvention) {
    this.#graph = graph
    this.bands = new MelBands(convention)
    this.targets = melAmplitudes(graph, mel, convention)
    const { bins, filters, columnSums } = this.bands
    const weights = new Float64Array(filters.length * bins)
    filters.forEach((filter, band) => {
      weights.set(filter.weights, band * bins + filter.start)
    })
    this.#filters = graph.floats('mel filters', [filters.length, bins], weights)
    const inverse = columnSums.map(sum => 1 / (sum + TINY))
    const transposed = graph.node('Transpose', [this.#filters], { perm: [1, 0] })
    this.#shares = graph.node('Mul', [transposed, graph.floats('filter shares', [bins, 1], inverse)])
  }

  /** Values of bins spread from those of bands, `[B, M, F]` → `[B, L, F]`: the weighted mean of a bin's bands. */
  spread(values: OnnxValue): OnnxValue {
    return this.#graph.node('MatMul', [this.#shares, values])
  }

  /** Each bin's weighted mean of its bands' ratios target / sum, `[B, L, F]`. @param tiny added to each sum */
  ratios(magnitudes: OnnxValue, tiny: number): OnnxValue {
    const graph = this.#graph
    const sums = graph.node('Add', [graph.node('MatMul', [this.#filters, magnitudes]), graph.scalar(tiny)])
    return this.spread(graph.node('Div', [this.targets, sums]))
  }
}
