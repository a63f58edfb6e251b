/** Linear interpolation between mel frames, in a graph. */
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
