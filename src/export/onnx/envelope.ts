/** Writes the envelope of a windowed front end into a graph (src/model/front-end/envelope.ts). */
import type { MelConvention } from '../../audio/mel/convention.js'
import { filterArea } from '../../audio/mel/filters.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import { envelopeTriangle } from '../../model/front-end/envelope.js'
import type { FrontEndConfig } from '../../model/network.js'
import { frameSlope, interpolated } from './interpolation.js'
import { MelBandsGraph } from './mel-bands.js'

const TINY = 1e-12

type EnvelopeShape = Pick<FrontEndConfig, 'kernel' | 'stride' | 'bins'> & {
  readonly envelope: NonNullable<FrontEndConfig['envelope']>
}

/** Computes E, `[B, N, P]`, from a mel, `[B, bands, F]`. */
export function envelopeDeviations(
  graph: OnnxGraph,
  mel: OnnxValue,
  convention: MelConvention,
  { kernel, stride, bins, envelope }: EnvelopeShape,
): OnnxValue {
  const magnitudes = melMagnitudes(graph, mel, convention, envelope.iterations)
  const powers = graph.node('Mul', [magnitudes, magnitudes])
  const triangle = envelopeTriangle({ kernel }, convention)
  const factor = convention.fftSize / kernel
  const all = convention.fftSize / 2 + 1
  // Row k sums the bins around k·q; the first and the last bin are repeated beyond the ends.
  const matrix = new Float64Array(bins * all)
  for (let bin = 0; bin < bins; bin++) {
    triangle.forEach((weight, j) => {
      const from = Math.min(Math.max(bin * factor + j - (factor - 1), 0), all - 1)
      matrix[bin * all + from]! += weight
    })
  }
  const perBin = graph.node('MatMul', [graph.floats('envelope bins', [bins, all], matrix), powers])
  const slope = frameSlope(graph, perBin)
  // The level of a position is the one at its middle.
  const perPosition = interpolated(graph, slope, convention.hop / stride, 0.5)
  const floor = Math.fround(envelope.floor)
  return graph.node('Sqrt', [graph.node('Max', [perPosition, graph.scalar(floor * floor)])])
}

/** Computes linear magnitudes in the mel's own transform, `[B, bins, F]` (src/audio/mel/inverse.ts). */
function melMagnitudes(graph: OnnxGraph, mel: OnnxValue, convention: MelConvention, iterations: number): OnnxValue {
  const bands = new MelBandsGraph(graph, mel, convention)
  const { filters, windowNorm } = bands.bands
  const areas = filters.map(filterArea)
  const areasOfBands = graph.floats('filter areas', [filters.length, 1], areas)
  let spectrum = bands.spread(graph.node('Div', [bands.targets, areasOfBands]))
  for (let i = 0; i < iterations; i++) spectrum = graph.node('Mul', [spectrum, bands.ratios(spectrum, TINY)])
  if (windowNorm !== 1) spectrum = graph.node('Mul', [spectrum, graph.scalar(windowNorm)])
  return convention.power === 2 ? graph.node('Sqrt', [spectrum]) : spectrum
}
