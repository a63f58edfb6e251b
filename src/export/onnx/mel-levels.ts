/** Undoes a mel convention's normalisation in a graph (src/audio/mel/normalise.ts, `denormaliseMel`). */
import type { MelConvention } from '../../audio/mel/convention.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'

/** The convention's logarithm without its normalisation, `[B, bands, F]`. */
function logged(graph: OnnxGraph, mel: OnnxValue, { normalisation, bands }: MelConvention): OnnxValue {
  if (normalisation === null) return mel
  if (normalisation.kind === 'affine') {
    const shifted = graph.node('Sub', [mel, graph.scalar(normalisation.offset)])
    return graph.node('Div', [shifted, graph.scalar(normalisation.scale)])
  }
  const perBand = (name: string, values: readonly number[]) =>
    graph.floats(
      name,
      [bands, 1],
      Array.from({ length: bands }, (_, band) => values[band] ?? values[0]!),
    )
  const scaled = graph.node('Mul', [mel, perBand('mel deviation', normalisation.deviation)])
  return graph.node('Add', [scaled, perBand('mel mean', normalisation.mean)])
}

/** Converts a mel to amplitudes of at least 0, or powers if the convention has them, `[B, bands, F]`. */
export function melAmplitudes(graph: OnnxGraph, mel: OnnxValue, convention: MelConvention): OnnxValue {
  const values = logged(graph, mel, convention)
  switch (convention.logarithm) {
    case 'none':
      return graph.node('Max', [values, graph.scalar(0)])
    case 'ln':
      return graph.node('Exp', [values])
    case 'log10':
      return graph.node('Exp', [graph.node('Mul', [values, graph.scalar(Math.LN10)])])
  }
}

/** Converts a mel to natural logarithms of amplitudes or powers, `[B, bands, F]`. */
export function melLogarithms(graph: OnnxGraph, mel: OnnxValue, convention: MelConvention): OnnxValue {
  const values = logged(graph, mel, convention)
  switch (convention.logarithm) {
    case 'none': {
      // The floor is the smallest normal float32, as low as in SpectralEnvelope, since smoothing over bands spreads
      // silence.
      const audible = graph.node('Log', [graph.node('Max', [values, graph.scalar(2 ** -126)])])
      const isSilent = graph.node('LessOrEqual', [values, graph.scalar(0)])
      return graph.node('Where', [isSilent, graph.scalar(Math.log(Number.MIN_VALUE)), audible])
    }
    case 'ln':
      return values
    case 'log10':
      return graph.node('Mul', [values, graph.scalar(Math.LN10)])
  }
}
