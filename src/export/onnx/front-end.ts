/**
 * Writes the windowed front end into a graph (src/model/front-end). Audio enters and leaves the residual stack as
 * coefficients of a short Fourier transform, with the deviations that the mel implies.
 *
 * Shapes: B clips, T samples, P positions, N bins, F mel frames.
 */
import type { MelConvention } from '../../audio/mel/convention.js'
import type { Tensors } from '../../core/tensor.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import type { HarmonicsConfig } from '../../model/diffusion-config.js'
import { minimumPhaseMatrix } from '../../model/front-end/minimum-phase.js'
import type { FrontEndConfig } from '../../model/network.js'
import { MelCorrectionGraph } from './correction.js'
import { envelopeDeviations } from './envelope.js'
import type { ExcitationValues } from './excitation.js'
import type { SpectraGraph } from './spectra.js'
import { type WindowTransforms, windowSpectra, windowTransforms } from './window-transforms.js'

/** The sources of a front end in a graph. */
export interface FrontEndSource {
  readonly graph: OnnxGraph
  readonly frontEnd: FrontEndConfig
  /** Parameters of the network, including the two transforms if they are learned. */
  readonly parameters: Tensors
  /** Mel convention of the model; null if it has none. */
  readonly convention: MelConvention | null
  /** The mel, `[B, bands, F]`; null for a network without one. */
  readonly mel: OnnxValue | null
  /** A value whose last dimension is T. */
  readonly samplesOf: OnnxValue
}

/** Writes the front end of one network. Values that do not depend on the audio are computed once for all calls. */
export class FrontEndGraph {
  readonly #graph: OnnxGraph
  readonly #frontEnd: FrontEndConfig
  readonly #spectra: SpectraGraph
  readonly #transforms: WindowTransforms
  /** E, `[B, N, P]`; null without an envelope. */
  readonly #deviations: OnnxValue | null
  /** E for the cosines and again for the sines, `[B, 2N, P]`; null without an envelope. */
  readonly #scale: OnnxValue | null
  readonly #correction: MelCorrectionGraph | null

  constructor({ graph, frontEnd, parameters, convention, mel, samplesOf }: FrontEndSource) {
    const { stride, envelope, correction } = frontEnd
    this.#graph = graph
    this.#frontEnd = frontEnd
    const samples = graph.node('Shape', [samplesOf], { start: -1 })
    const positions = graph.node('Div', [samples, graph.integers(stride)])
    this.#spectra = windowSpectra(graph, frontEnd, positions)
    this.#transforms = windowTransforms(graph, frontEnd, parameters, positions, this.#spectra)
    const implied = mel === null || convention === null ? null : { mel, convention }
    this.#deviations =
      envelope === null || implied === null
        ? null
        : envelopeDeviations(graph, implied.mel, implied.convention, { ...frontEnd, envelope })
    this.#scale =
      this.#deviations === null ? null : graph.node('Concat', [this.#deviations, this.#deviations], { axis: 1 })
    this.#correction =
      correction === null || implied === null
        ? null
        : new MelCorrectionGraph(graph, implied.mel, implied.convention, correction)
  }

  /** Converts audio, `[B, T]`, to coefficients, `[B, 2N, P]`. */
  encode(audio: OnnxValue): OnnxValue {
    return this.#transforms.encode(audio)
  }

  /** The input of the input projection, `[B, 2N, P]`, or `[B, 3N, P]` with an envelope. */
  input(coefficients: OnnxValue): OnnxValue {
    const graph = this.#graph
    if (this.#scale === null || this.#deviations === null) return coefficients
    const logarithms = graph.node('Add', [graph.node('Log', [this.#deviations]), graph.scalar(6)])
    const levels = graph.node('Div', [logarithms, graph.scalar(3)])
    return graph.node('Concat', [graph.node('Div', [coefficients, this.#scale]), levels], { axis: 1 })
  }

  /**
   * Converts the output of the residual stack to that of the network, `[B, T]`, including the correction towards the
   * mel.
   *
   * @param stacked `[B, 2N, P]`, or `[B, 3N, P]` with a mask
   * @param gain g(t); null without a mask
   */
  output(stacked: OnnxValue, coefficients: OnnxValue, gain: OnnxValue | null): OnnxValue {
    const graph = this.#graph
    const { bins } = this.#frontEnd
    const scaled = (made: OnnxValue) => (this.#scale === null ? made : graph.node('Mul', [made, this.#scale]))
    let result: OnnxValue
    if (gain === null) {
      result = scaled(stacked)
    } else {
      const sizes = graph.integers(2 * bins, bins)
      const [made, logits] = graph.nodes('Split', [stacked, sizes], { axis: 1 }, 2)
      const mask = graph.node('Sigmoid', [logits!])
      const passed = graph.node('Mul', [graph.node('Concat', [mask, mask], { axis: 1 }), coefficients])
      result = graph.node('Add', [graph.node('Mul', [scaled(made!), gain]), passed])
    }
    const audio = this.#transforms.decode(result)
    return this.#correction === null ? audio : this.#correction.corrected(audio)
  }

  /** Shapes white noise, `[B, T]`, by the envelope: decode(E ⊙ encode(white)). */
  shaped(white: OnnxValue): OnnxValue {
    return this.#spectra.inverse(this.#graph.node('Mul', [this.#spectra.forward(white), this.#gains()]))
  }

  /**
   * The starting point of voiced speech: decode(E ⊙ (√h ⊙ encode(pulses) + √(1 − v·h) ⊙ encode(noise))).
   *
   * @param shares h, `[bins]`
   * @param phase of the envelope's filter for pulses
   */
  voiced(
    shares: Float64Array,
    phase: HarmonicsConfig['phase'],
    { noise, pulses, voicing }: ExcitationValues,
  ): OnnxValue {
    const graph = this.#graph
    const { kernel, stride } = this.#frontEnd
    const all = new Float32Array(kernel / 2 + 1)
    all.set(shares)
    const share = graph.floats('share of pulses', [1, 1, all.length], all)
    const middles = graph.slice(voicing, 1, stride / 2, undefined, stride)
    const voiced = graph.node('Unsqueeze', [middles, graph.integers(2)])
    const rest = graph.node('Sub', [graph.scalar(1), graph.node('Mul', [voiced, share])])
    const weighted = (spectrum: OnnxValue, power: OnnxValue) => {
      const root = graph.node('Unsqueeze', [graph.cast(graph.node('Sqrt', [power]), 'double'), graph.integers(3)])
      return graph.node('Mul', [spectrum, root])
    }
    const voice = this.#spectra.forward(pulses)
    const rotated = phase === 'minimum' ? this.#rotated(voice) : voice
    const sum = graph.node('Add', [weighted(rotated, share), weighted(this.#spectra.forward(noise), rest)])
    return this.#spectra.inverse(graph.node('Mul', [sum, this.#gains()]))
  }

  /** Adds the phases of the minimum-phase filter of E to spectra, `[B, P, K/2 + 1, 2]`. */
  #rotated(spectra: OnnxValue): OnnxValue {
    const graph = this.#graph
    const { kernel, bins } = this.#frontEnd
    const matrix = graph.floats('minimum phase', [bins, bins], minimumPhaseMatrix(this.#frontEnd))
    const angles = graph.node('MatMul', [matrix, graph.node('Log', [this.#deviations!])])
    const all = graph.node('Pad', [
      graph.node('Transpose', [angles], { perm: [0, 2, 1] }),
      graph.integers(0, 0, 0, 0, 0, kernel / 2 + 1 - bins),
    ])
    const wide = (value: OnnxValue) => graph.node('Unsqueeze', [graph.cast(value, 'double'), graph.integers(3)])
    const [cos, sin] = [wide(graph.node('Cos', [all])), wide(graph.node('Sin', [all]))]
    const [re, im] = graph.nodes('Split', [spectra, graph.integers(1, 1)], { axis: 3 }, 2)
    const product = (value: OnnxValue, factor: OnnxValue) => graph.node('Mul', [value, factor])
    return graph.node(
      'Concat',
      [
        graph.node('Sub', [product(re!, cos), product(im!, sin)]),
        graph.node('Add', [product(im!, cos), product(re!, sin)]),
      ],
      { axis: 3 },
    )
  }

  /** E as `[B, P, N, 1]`. Bins outside the network have no noise. */
  #gains(): OnnxValue {
    const graph = this.#graph
    const { kernel, bins } = this.#frontEnd
    const gains = graph.node('Transpose', [this.#deviations!], { perm: [0, 2, 1] })
    const all = graph.node('Pad', [gains, graph.integers(0, 0, 0, 0, 0, kernel / 2 + 1 - bins)])
    return graph.node('Unsqueeze', [graph.cast(all, 'double'), graph.integers(3)])
  }
}
