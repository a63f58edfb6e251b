/** The correction towards the mel in a graph (src/audio/mel/correction.ts): a network's last layer behind windows. */
import type { MelConvention } from '../../audio/mel/convention.js'
import { type CorrectionSettings, MAX_GAIN, SILENT } from '../../audio/mel/correction.js'
import { hannWindow } from '../../audio/transforms/stft.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import { fourierRows, inverseSquares, type WindowPlaces } from './fourier.js'
import { MelBandsGraph } from './mel-bands.js'

/** The correction of one clip's audio. What depends on the mel alone is computed once. */
export class MelCorrectionGraph {
  readonly #graph: OnnxGraph
  readonly #settings: CorrectionSettings
  readonly #bands: MelBandsGraph
  readonly #places: WindowPlaces
  /** `[2 · bins, 1, L]` */
  readonly #rows: OnnxValue
  /** Weight of each bin in the inverse transform, `[bins, 1]`. */
  readonly #counts: OnnxValue
  /** `[1, 1, T]` */
  readonly #inverseSquares: OnnxValue

  /** @param mel `[B, bands, F]` @param convention one without a `correctionObstacle` */
  constructor(graph: OnnxGraph, mel: OnnxValue, convention: MelConvention, settings: CorrectionSettings) {
    const { fftSize, hop } = convention
    const bins = fftSize / 2 + 1
    const window = hannWindow(fftSize)
    this.#graph = graph
    this.#settings = settings
    this.#bands = new MelBandsGraph(graph, mel, convention)
    // Frame f is centred on sample f·hop, and the clip has F·hop samples.
    this.#places = { stride: hop, pads: [fftSize / 2, fftSize / 2 - hop] }
    this.#rows = fourierRows(graph, { name: 'correction', window, bins })
    const counts = Array.from({ length: bins }, (_, bin) => (bin === 0 || bin === bins - 1 ? 1 : 2) / fftSize)
    this.#counts = graph.floats('correction counts', [bins, 1], counts)
    const frames = graph.node('Shape', [mel], { start: 2 })
    this.#inverseSquares = inverseSquares(graph, 'correction', window, frames, this.#places)
  }

  /** Audio `[B, T]` after all passes. */
  corrected(audio: OnnxValue): OnnxValue {
    let result = audio
    for (let pass = 0; pass < this.#settings.passes; pass++) result = this.#pass(result)
    return result
  }

  #pass(audio: OnnxValue): OnnxValue {
    const graph = this.#graph
    const attributes = { strides: [this.#places.stride], pads: this.#places.pads }
    const image = graph.node('Reshape', [audio, graph.integers(0, 1, -1)])
    const spectrum = graph.node('Conv', [image, this.#rows], attributes)
    const gains = graph.node('Mul', [this.#gains(spectrum), this.#counts])
    const moved = graph.node('Mul', [spectrum, graph.node('Concat', [gains, gains], { axis: 1 })])
    const added = graph.node('ConvTranspose', [moved, this.#rows], attributes)
    const divided = graph.node('Mul', [added, this.#inverseSquares])
    return graph.node('Reshape', [divided, graph.integers(0, -1)])
  }

  /** G, `[B, bins, F]`. @param spectrum cosines and sines, `[B, 2 · bins, F]` */
  #gains(spectrum: OnnxValue): OnnxValue {
    const graph = this.#graph
    const halves = graph.nodes('Split', [spectrum], { axis: 1 }, 2)
    const [real, imaginary] = halves.map(half => graph.node('Mul', [half, half]))
    const magnitudes = graph.node('Sqrt', [graph.node('Add', [real!, imaginary!])])
    let gains: OnnxValue | null = null
    for (let i = 0; i < this.#settings.iterations; i++) {
      const product: OnnxValue = gains === null ? magnitudes : graph.node('Mul', [gains, magnitudes])
      const ratios = graph.node('Min', [this.#bands.ratios(product, SILENT), graph.scalar(MAX_GAIN)])
      gains = gains === null ? ratios : graph.node('Mul', [gains, ratios])
    }
    return gains!
  }
}
