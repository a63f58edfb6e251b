/** Linear interpolation between mel frames, in a graph. */
import type { MelConvention } from '../../audio/mel/convention.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'

/** A sequence at the frame rate, and the differences from each frame to the next. */
export interface FrameSlope {
  readonly here: OnnxValue
  readonly difference: OnnxValue
}

/** Prepares `interpolated`. @param frames `[B, channels, F]` */
export function frameSlope(graph: OnnxGraph, frames: OnnxValue): FrameSlope {
  const next = graph.node('Concat', [graph.slice(frames, 2, 1), graph.slice(frames, 2, -1)], { axis: 2 })
  const each = graph.integers(0, 0, -1, 1)
  return {
    here: graph.node('Reshape', [frames, each]),
    difference: graph.node('Reshape', [graph.node('Sub', [next, frames]), each]),
  }
}

/**
 * Interpolates to `[B, channels, F × count]`. Value f · count + i is (i + offset)/count of the way from frame f to the
 * next. The last frame is repeated.
 */
export function interpolated(graph: OnnxGraph, { here, difference }: FrameSlope, count: number, offset = 0): OnnxValue {
  const shares = graph.floats(
    `ramp ${count} ${offset}`,
    [count],
    Array.from({ length: count }, (_, i) => (i + offset) / count),
  )
  const values = graph.node('Add', [here, graph.node('Mul', [difference, shares])])
  return graph.node('Reshape', [values, graph.integers(0, 0, -1)])
}

/**
 * Interpolates one value per frame, `[B, 1, F]`, to one per sample, `[B, T]`, as the function of the same name
 * in src/audio/mel/frames.ts does.
 */
export function atSamples(
  graph: OnnxGraph,
  frames: OnnxValue,
  { hop, framing }: Pick<MelConvention, 'hop' | 'framing'>,
): OnnxValue {
  if (framing === 'centre') {
    return graph.node('Squeeze', [interpolated(graph, frameSlope(graph, frames), hop), graph.integers(1)])
  }
  // Frame f is at its middle, (f + ½) × hop. At both ends a frame is repeated for half a hop. With an odd hop, samples
  // lie halfway between its parts.
  const offset = (hop % 2) / 2
  const extended = graph.node('Pad', [frames, graph.integers(0, 0, 1, 0, 0, 0)], { mode: 'edge' })
  const whole = graph.node('Squeeze', [
    interpolated(graph, frameSlope(graph, extended), hop, offset),
    graph.integers(1),
  ])
  return graph.slice(whole, 1, Math.floor(hop / 2), -Math.ceil(hop / 2))
}
