/** Diffusion steps that are known only at run time, as inputs of the network. */
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import type { NetworkConfig } from '../../model/network.js'
import { stepFrequencies, stepSinusoids } from '../../model/step-embedding.js'

type StepEmbedding = NetworkConfig['stepEmbedding']

/**
 * The sinusoids, `[B, size]`, of steps, `[B]`. If fractional steps are interpolated between the rows of a table, the
 * table is a constant. Its arguments reach 5e5, and runtimes round them differently.
 *
 * @param steps number of steps of the training schedule
 */
export function sinusoids(graph: OnnxGraph, embedding: StepEmbedding, step: OnnxValue, steps: number): OnnxValue {
  const column = (value: OnnxValue) => graph.node('Reshape', [value, graph.integers(-1, 1)])
  if (embedding.fractional === 'direct') {
    const frequencies = graph.floats('frequencies', [1, embedding.size / 2], stepFrequencies(embedding))
    const angle = graph.node('Mul', [column(step), frequencies])
    return graph.node('Concat', [graph.node('Sin', [angle]), graph.node('Cos', [angle])], { axis: 1 })
  }
  const rows = Array.from({ length: steps + 1 }, (_, row) => row)
  const table = graph.floats('step table', [steps + 1, embedding.size], stepSinusoids(embedding, rows))
  const floor = graph.node('Floor', [step])
  const low = graph.node('Cast', [floor], { to: 7 })
  const lower = graph.node('Gather', [table, low])
  const upper = graph.node('Gather', [table, graph.node('Add', [low, graph.integer(1)])])
  const share = column(graph.node('Sub', [step, floor]))
  return graph.node('Add', [lower, graph.node('Mul', [graph.node('Sub', [upper, lower]), share])])
}

/** g(t) of src/model/output-gain.ts, `[B, 1, 1]`, for steps, `[B]`. @param steps number of steps of the mask */
export function outputGains(graph: OnnxGraph, step: OnnxValue, steps: number): OnnxValue {
  const share = graph.node('Div', [graph.node('Add', [step, graph.scalar(1)]), graph.scalar(steps + 1)])
  const angle = graph.node('Mul', [graph.node('Min', [share, graph.scalar(1)]), graph.scalar(Math.PI / 2)])
  return graph.node('Reshape', [graph.node('Sin', [angle]), graph.integers(-1, 1, 1)])
}
