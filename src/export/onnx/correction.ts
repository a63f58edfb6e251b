/**
 * Writes the correction towards the mel into a graph (src/audio/mel/correction.ts). It is the last layer of a network.
 */
import type { MelConvention } from '../../audio/mel/convention.js'
import { type CorrectionSettings, MAX_GAIN, SILENT } from '../../audio/mel/correction.js'
import { LEAST_RELAXATION_FACTOR, MOST_RELAXATION_FACTOR } from '../../audio/mel/relaxation.js'
import { hannWindow } from '../../audio/transforms/stft.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import { MelBandsGraph } from './mel-bands.js'
import { SpectraGraph } from './spectra.js'

/** Corrects clips towards one mel. Values that depend only on the mel are computed once. */
export class MelCorrectionGraph {
  readonly #graph: OnnxGraph
  readonly #settings: CorrectionSettings
  readonly #bands: MelBandsGraph
  readonly #spectra: SpectraGraph

  /** @param mel `[B, bands, F]` @param convention a convention without a `correctionObstacle` */
  constructor(graph: OnnxGraph, mel: OnnxValue, convention: MelConvention, settings: CorrectionSettings) {
    const { fftSize, hop } = convention
    this.#graph = graph
    this.#settings = settings
    this.#bands = new MelBandsGraph(graph, mel, convention)
    // Frame f is centred on sample f·hop.
    const shape = { name: 'correction', window: hannWindow(fftSize), hop, before: fftSize / 2 }
    this.#spectra = new SpectraGraph(graph, shape, graph.node('Shape', [mel], { start: 2 }))
  }

  /** Applies all passes to audio, `[B, T]`. @returns corrected audio, `[B, T]` */
  corrected(audio: OnnxValue): OnnxValue {
    let result = audio
    for (let pass = 0; pass < this.#settings.passes; pass++) result = this.#pass(result)
    return result
  }

  #pass(audio: OnnxValue): OnnxValue {
    const graph = this.#graph
    const spectra = this.#spectra.forward(audio)
    const lengths = graph.node('ReduceL2', [spectra], { axes: [3], keepdims: 0 })
    const magnitudes = graph.node('Transpose', [graph.cast(lengths, 'float')], { perm: [0, 2, 1] })
    const gains = graph.node('Transpose', [this.#gains(magnitudes)], { perm: [0, 2, 1] })
    const each = graph.node('Unsqueeze', [graph.cast(gains, 'double'), graph.integers(3)])
    return this.#spectra.inverse(graph.node('Mul', [spectra, each]))
  }

  /** Moves gains `[B, bins, F]` further (`relaxationFactor` of src/audio/mel/relaxation.ts). */
  #relaxed(gains: OnnxValue): OnnxValue {
    const graph = this.#graph
    const beyond = graph.node('Sub', [gains, graph.scalar(1)])
    const [least, most] = [LEAST_RELAXATION_FACTOR, MOST_RELAXATION_FACTOR].map(bound => graph.scalar(bound))
    const slope = graph.scalar(this.#settings.relaxation - 1)
    const factor = graph.node('Add', [graph.node('Mul', [slope, beyond]), graph.scalar(1)])
    return graph.node('Mul', [gains, graph.node('Clip', [factor, least, most])])
  }

  /** Computes the gains G, `[B, bins, F]`. @param magnitudes |Z|, `[B, bins, F]` */
  #gains(magnitudes: OnnxValue): OnnxValue {
    const graph = this.#graph
    let gains: OnnxValue | null = null
    for (let i = 0; i < this.#settings.iterations; i++) {
      const product: OnnxValue = gains === null ? magnitudes : graph.node('Mul', [gains, magnitudes])
      const ratios = graph.node('Min', [this.#bands.ratios(product, SILENT), graph.scalar(MAX_GAIN)])
      gains = gains === null ? ratios : graph.node('Mul', [gains, ratios])
    }
    return this.#settings.relaxation === 1 ? gains! : this.#relaxed(gains!)
  }
}
