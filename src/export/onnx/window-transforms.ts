/**
 * Converts audio to the coefficients of a windowed front end and back, in a graph (src/model/front-end/windows.ts), by
 * the Fourier transform or by learned transforms.
 *
 * Shapes: B clips, T samples, P = T/stride positions, N bins, K samples per window.
 */
import type { Tensors } from '../../core/tensor.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import { windowMargin, windowOf, windowUnit } from '../../model/front-end/windows.js'
import type { FrontEndConfig } from '../../model/network.js'
import { SpectraGraph } from './spectra.js'

/** Both transforms of a front end. */
export interface WindowTransforms {
  /** Converts audio, `[B, T]`, to coefficients, `[B, 2N, P]`. */
  encode(audio: OnnxValue): OnnxValue
  /** Converts coefficients, `[B, 2N, P]`, to audio, `[B, T]`. */
  decode(coefficients: OnnxValue): OnnxValue
}

/** Makes both transforms. @param positions P, `[1]` @param spectra result of `windowSpectra` */
export function windowTransforms(
  graph: OnnxGraph,
  frontEnd: FrontEndConfig,
  parameters: Tensors,
  positions: OnnxValue,
  spectra: SpectraGraph,
): WindowTransforms {
  return frontEnd.learned
    ? learnedTransforms(graph, frontEnd, parameters, positions)
    : fourierTransforms(graph, frontEnd, spectra)
}

/** Makes the windows of a front end and their Fourier transforms. @param positions P, `[1]` */
export function windowSpectra(graph: OnnxGraph, frontEnd: FrontEndConfig, positions: OnnxValue): SpectraGraph {
  const shape = {
    name: 'front end',
    window: windowOf(frontEnd),
    hop: frontEnd.stride,
    before: windowMargin(frontEnd),
  }
  return new SpectraGraph(graph, shape, positions)
}

/** Cosines are the real parts, and sines the negative imaginary parts, in units of white noise. */
function fourierTransforms(graph: OnnxGraph, frontEnd: FrontEndConfig, spectra: SpectraGraph): WindowTransforms {
  const { bins, kernel } = frontEnd
  const unit = windowUnit(frontEnd)
  return {
    encode(audio) {
      const all = spectra.forward(audio)
      const seen = graph.slice(all, 2, 0, bins)
      const scaled = graph.node('Mul', [seen, graph.doubles('front end factors in', [2], [1 / unit, -1 / unit])])
      const pairs = graph.node('Transpose', [graph.cast(scaled, 'float')], { perm: [0, 3, 2, 1] })
      return graph.node('Reshape', [pairs, graph.integers(0, 2 * bins, -1)])
    },
    decode(coefficients) {
      const pairs = graph.node('Reshape', [coefficients, graph.integers(0, 2, bins, -1)])
      const seen = graph.cast(graph.node('Transpose', [pairs], { perm: [0, 3, 2, 1] }), 'double')
      const scaled = graph.node('Mul', [seen, graph.doubles('front end factors out', [2], [unit, -unit])])
      const unseen = kernel / 2 + 1 - bins
      return spectra.inverse(graph.node('Pad', [scaled, graph.integers(0, 0, 0, 0, 0, 0, unseen, 0)]))
    },
  }
}

/**
 * Convolutions with the network's parameters. The sum of squared windows is divided out as for the Fourier transform.
 */
function learnedTransforms(
  graph: OnnxGraph,
  frontEnd: FrontEndConfig,
  parameters: Tensors,
  positions: OnnxValue,
): WindowTransforms {
  const margin = windowMargin(frontEnd)
  const attributes = { strides: [frontEnd.stride], pads: [margin, margin] }
  const rows = (name: string) => graph.weight(name, parameters.get(name)!)
  const squares = graph.floats(
    'squared window',
    [1, 1, frontEnd.kernel],
    windowOf(frontEnd).map(w => w * w),
  )
  const ones = graph.node('Expand', [
    graph.scalar(1),
    graph.node('Concat', [graph.integers(1, 1), positions], { axis: 0 }),
  ])
  const covered = graph.node('ConvTranspose', [ones, squares], attributes)
  return {
    encode(audio) {
      const image = graph.node('Reshape', [audio, graph.integers(0, 1, -1)])
      return graph.node('Conv', [image, rows('front_end.analysis')], attributes)
    },
    decode(coefficients) {
      const added = graph.node('ConvTranspose', [coefficients, rows('front_end.synthesis')], attributes)
      return graph.node('Reshape', [graph.node('Div', [added, covered]), graph.integers(0, -1)])
    },
  }
}
