/**
 * Writes the high band of a vocoder into a graph (src/synthesis/high-band.ts): σ[n] · Σ_m h[n − D·m] · z[m].
 *
 * Shapes: B clips, T samples, F mel frames, T = F × hop.
 */
import type { MelConvention } from '../../audio/mel/convention.js'
import {
  HIGH_BAND_TAPS,
  type HighBandConfig,
  highBandFilter,
  levelBands,
  samplesPerNoise,
} from '../../audio/mel/high-band.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import { atSamples } from './interpolation.js'
import { melAmplitudes } from './mel-levels.js'

/** The inputs of the band. */
export interface HighBandInputs {
  /** `[B, bands, F]` */
  readonly mel: OnnxValue
  /** White noise z, `[B, T]`. Its first T/D numbers are used. */
  readonly white: OnnxValue
}

/** The noise of the high band, `[B, T]`. */
export function highBandGraph(
  graph: OnnxGraph,
  { mel, white }: HighBandInputs,
  convention: MelConvention,
  config: HighBandConfig,
): OnnxValue {
  const { first, factors } = levelBands(convention, config.from)
  const top = graph.slice(melAmplitudes(graph, mel, convention), 1, first)
  const amplitudes = convention.power === 2 ? graph.node('Sqrt', [top]) : top
  const deviations = graph.node('Mul', [amplitudes, graph.floats('high band levels', [factors.length, 1], factors)])
  const squares = graph.node('Mul', [deviations, deviations])
  const levels = graph.node('Sqrt', [graph.node('ReduceSum', [squares, graph.integers(1)], { keepdims: 1 })])
  const every = samplesPerNoise(convention)
  const one = graph.integers(1)
  const samples = graph.node('Shape', [white], { start: 1 })
  const firstOf = (value: OnnxValue, count: OnnxValue, axis: number) =>
    graph.node('Slice', [value, graph.integers(0), count, graph.integers(axis)])
  const count = graph.node('Div', [graph.node('Add', [samples, graph.integers(every - 1)]), graph.integers(every)])
  const noise = graph.node('Reshape', [firstOf(white, count, 1), graph.integers(0, 1, -1)])
  const kernel = graph.floats('high band filter', [1, 1, HIGH_BAND_TAPS], highBandFilter(convention, config))
  const spread = graph.node('ConvTranspose', [noise, kernel], { strides: [every] })
  const filtered = graph.node('Squeeze', [firstOf(spread, samples, 2), one])
  return graph.node('Mul', [filtered, atSamples(graph, levels, convention)])
}
