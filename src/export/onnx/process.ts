/** Writes the reverse process into a graph. A few steps are written out one by one, and more become a loop. */
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import type { NetworkConfig } from '../../model/network.js'
import { outputGain } from '../../model/output-gain.js'
import { stepSinusoids } from '../../model/step-embedding.js'
import type { NetworkCall } from './network.js'
import type { LinearStep, StepSum } from './steps.js'

/** The inputs of the network for one step. */
export type StepInput = Pick<NetworkCall, 'sinusoids' | 'gain'>

/** The parts of the process. All audio is `[B, T]`. */
export interface ProcessGraph {
  readonly graph: OnnxGraph
  readonly network: NetworkConfig
  readonly steps: readonly LinearStep[]
  /** Returns the network's output for x at a step. */
  readonly predict: (x: OnnxValue, step: StepInput) => OnnxValue
  /** The noise from which the process starts. */
  readonly start: OnnxValue
  /** Returns the domain's noise from a row of the input. The row is a scalar int64. */
  readonly noiseAt: (row: OnnxValue) => OnnxValue
}

/** Max number of steps to write out. With 50 steps, a graph takes 20 times as long to load as one with a loop. */
const MAX_UNROLLED = 8

/** Adds the process to the graph. @returns the data after the last step */
export function processGraph(process: ProcessGraph): OnnxValue {
  return process.steps.length > MAX_UNROLLED ? looped(process) : unrolled(process)
}

const terms = ['x', 'output', 'noise', 'carried'] as const
type Terms = Readonly<Record<(typeof terms)[number], OnnxValue | null>>

function unrolled({ graph, network, steps, predict, start, noiseAt }: ProcessGraph): OnnxValue {
  // The process starts from row 0.
  let row = 1
  let x = start
  let carried: OnnxValue | null = null
  for (const step of steps) {
    const output = predict(x, {
      sinusoids: graph.floats(`sinusoids ${step.step}`, [1, network.stepEmbedding.size], sinusoidsOf(network, [step])),
      gain: network.inputMask === null ? null : graph.scalar(outputGain(network, step.step)),
    })
    const values: Terms = { x, output, noise: step.needsNoise ? noiseAt(graph.integer(row++)) : null, carried }
    const times = (sum: StepSum) => total(graph, values, name => (sum[name] === 0 ? null : graph.scalar(sum[name])))
    x = clamped(graph, times(step.next), step.clamp)
    carried = step.carried === null ? null : times(step.carried)
  }
  return x
}

function looped({ graph, network, steps, predict, start, noiseAt }: ProcessGraph): OnnxValue {
  const table = (name: string, width: number, numbers: ArrayLike<number>) =>
    graph.floats(name, [steps.length, width], numbers)
  const factors = (name: string, sum: (step: LinearStep) => StepSum | null) =>
    table(
      name,
      terms.length,
      steps.flatMap(step => terms.map(term => sum(step)?.[term] ?? 0)),
    )
  const next = factors('factors of x', step => step.next)
  const carries = steps.some(step => step.carried !== null) ? factors('factors carried', step => step.carried) : null
  const sinusoids = table('sinusoids', network.stepEmbedding.size, sinusoidsOf(network, steps))
  const gains = steps.map(({ step }) => outputGain(network, step))
  const gain = network.inputMask === null ? null : table('output gains', 1, gains)
  // In the loop, a step without noise takes row 0 times 0.
  let last = 0
  const rowOfStep = steps.map(step => (step.needsNoise ? ++last : 0))
  const x = start
  const silence = graph.node('Mul', [x, graph.scalar(0)])
  const states = carries === null ? [x] : [x, silence]
  const [result] = graph.loop(steps.length, states, (index, [before, carried]) => {
    const row = (from: OnnxValue) =>
      graph.node('Gather', [from, graph.node('Reshape', [index, graph.integers(1)])], { axis: 0 })
    const output = predict(before!, {
      sinusoids: row(sinusoids),
      gain: gain === null ? null : graph.node('Reshape', [row(gain), graph.integers(1, 1, 1)]),
    })
    const noise = last === 0 ? null : noiseAt(graph.node('Gather', [graph.integers(...rowOfStep), index]))
    const values: Terms = { x: before!, output, noise, carried: carried ?? null }
    const times = (from: OnnxValue) => {
      const parts = graph.nodes('Split', [row(from)], { axis: 1 }, terms.length)
      return total(graph, values, (_, i) => parts[i]!)
    }
    const after = clamped(graph, times(next), steps[0]!.clamp)
    return carries === null ? [after] : [after, times(carries)]
  })
  return result!
}

/** Sum of the terms, each times its factor. Terms with factor null are left out. */
function total(
  graph: OnnxGraph,
  values: Terms,
  factorOf: (term: (typeof terms)[number], index: number) => OnnxValue | null,
): OnnxValue {
  let sum: OnnxValue | null = null
  terms.forEach((name, i) => {
    const [value, factor] = [values[name], factorOf(name, i)]
    if (value === null || factor === null) return
    const product = graph.node('Mul', [value, factor])
    sum = sum === null ? product : graph.node('Add', [sum, product])
  })
  if (sum === null) throw new TypeError('a step without terms')
  return sum
}

function clamped(graph: OnnxGraph, x: OnnxValue, limit: number | null): OnnxValue {
  return limit === null ? x : graph.node('Clip', [x, graph.scalar(-limit), graph.scalar(limit)])
}

function sinusoidsOf(network: NetworkConfig, steps: readonly LinearStep[]): Float32Array {
  return stepSinusoids(
    network.stepEmbedding,
    steps.map(({ step }) => step),
  )
}
