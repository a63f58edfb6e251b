/**
 * Writes the pitch of a mel into a graph, in float64 as in src/audio/mel/pitch.ts, so that the path is the same.
 *
 * Shapes: B clips, F mel frames, C candidates. State C stands for a frame without pitch.
 */
import type { MelConvention } from '../../audio/mel/convention.js'
import { MelPitch, PITCH, type PitchMethod } from '../../audio/mel/pitch.js'
import { MIN_HERTZ, PER_OCTAVE } from '../../audio/mel/pitch-candidates.js'
import { PitchNetwork } from '../../audio/mel/pitch-network.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import { melLogarithms } from './mel-levels.js'

const COUNT = MelPitch.candidates.length

/** The pitch of each frame. Both values are `[B, F]`. */
export interface PitchValues {
  /** ln f0 in float64, with f0 in Hz; 0 for a frame without pitch. */
  readonly logarithm: OnnxValue
  /** Whether the frame has a pitch, bool. */
  readonly voiced: OnnxValue
}

/** Tracks the pitch. @param mel `[B, bands, F]`, of a convention without a `pitchObstacle` */
export function pitchGraph(
  graph: OnnxGraph,
  mel: OnnxValue,
  convention: MelConvention,
  method: PitchMethod,
): PitchValues {
  const pitch = new MelPitch(convention, method)
  const found = scores(graph, mel, pitch, convention)
  const states = decided(graph, bestPaths(graph, found))
  return pitch.network === null ? smoothed(graph, states) : estimated(graph, pitch.network, found, states)
}

/** Computes the scores of the candidates, `[F, B, C]`. */
function scores(graph: OnnxGraph, mel: OnnxValue, pitch: MelPitch, convention: MelConvention): OnnxValue {
  const { count, cosines, templates } = pitch
  const low = graph.slice(melLogarithms(graph, mel, convention), 1, 0, count)
  const frames = graph.node('Transpose', [graph.cast(low, 'double')], { perm: [2, 0, 1] })
  const levels = graph.node('Max', [frames, graph.double(Math.log(PITCH.minMagnitude))])
  const loudest = graph.node('ReduceMax', [levels], { axes: [2], keepdims: 1 })
  const lowest = graph.node('Sub', [loudest, graph.double(PITCH.depth)])
  const outside = Array.from({ length: count * count }, (_, i) => {
    const [row, column] = [Math.floor(i / count), i % count]
    return cosines.reduce((rest, cosine) => rest - cosine[row]! * cosine[column]!, row === column ? 1 : 0)
  })
  const raised = graph.node('Max', [levels, lowest])
  const residual = graph.node('MatMul', [raised, graph.doubles('without envelope', [count, count], outside)])
  const squares = graph.node('Mul', [residual, residual])
  const norm = graph.node('Sqrt', [graph.node('ReduceSum', [squares, graph.integers(2)], { keepdims: 1 })])
  const columns = Array.from({ length: count * COUNT }, (_, i) => templates[i % COUNT]![Math.floor(i / COUNT)]!)
  const products = graph.node('MatMul', [residual, graph.doubles('pitch templates', [count, COUNT], columns)])
  return graph.node('Div', [products, graph.node('Max', [norm, graph.double(PITCH.minNorm)])])
}

/** The result of Viterbi's algorithm for each frame. */
interface Paths {
  /** The best state before each state, `[F, B, C + 1]`. */
  readonly back: OnnxValue
  /** The best state, `[F, B]`. */
  readonly best: OnnxValue
}

/** Runs Viterbi's algorithm. @param scores `[F, B, C]` */
function bestPaths(graph: OnnxGraph, scores: OnnxValue): Paths {
  const sizes = graph.nodes('Split', [graph.node('Shape', [scores])], { axis: 0 }, 3)
  const states = graph.node('Concat', [sizes[1]!, graph.integers(COUNT + 1)], { axis: 0 })
  // Starting from zeros gives the first frame its own scores, since every jump has a cost.
  const zeros = graph.node('Expand', [graph.double(0), states])
  const rounds = graph.node('Squeeze', [sizes[0]!])
  const [, back, best] = graph.loop(
    rounds,
    [zeros],
    (frame, [before]) => {
      const own = graph.node('Gather', [scores, frame], { axis: 0 })
      const voiced = reached(graph, before!)
      const silent = ended(graph, before!)
      const sums = [graph.node('Add', [own, voiced.sum]), graph.node('Add', [silent.sum, graph.double(PITCH.unvoiced)])]
      const after = graph.node('Concat', sums, { axis: 1 })
      const from = graph.node('Concat', [voiced.from, silent.from], { axis: 1 })
      return [after, from, graph.node('ArgMax', [after], { axis: 1, keepdims: 0 })]
    },
    ['double', 'int64', 'int64'],
  )
  return { back: back!, best: best! }
}

interface Step {
  /** Score of the best path so far, minus the cost of the jump. */
  readonly sum: OnnxValue
  /** The previous state on that path. */
  readonly from: OnnxValue
}

/** The best path to each candidate, `[B, C]`. @param before `[B, C + 1]` */
function reached(graph: OnnxGraph, before: OnnxValue): Step {
  const { reach, jumpCost, changeCost } = PITCH
  // The neighbouring candidates in order, then the state without pitch. The first of equals wins.
  const width = 2 * reach + 2
  const sources = Array.from({ length: COUNT * width }, (_, i) => {
    const [state, place] = [Math.floor(i / width), i % width]
    const other = place === width - 1 ? COUNT : state + place - reach
    if (other === COUNT && place === width - 1) return { other, cost: changeCost }
    return other < 0 || other >= COUNT ? { other: 0, cost: Number.MAX_VALUE } : { other, cost: jumpCost(other - state) }
  })
  const others = sources.map(({ other }) => other)
  const costs = sources.map(({ cost }) => cost)
  const from = graph.table('pitch sources', [COUNT, width], others)
  const reachable = graph.node('Sub', [
    graph.node('Gather', [before, from], { axis: 1 }),
    graph.doubles('pitch costs', [COUNT, width], costs),
  ])
  const rows = graph.integers(...Array.from({ length: COUNT }, (_, state) => state * width))
  const place = graph.node('Add', [graph.node('ArgMax', [reachable], { axis: 2, keepdims: 0 }), rows])
  const flat = graph.table('pitch sources in a row', [COUNT * width], others)
  return {
    sum: graph.node('ReduceMax', [reachable], { axes: [2], keepdims: 0 }),
    from: graph.node('Gather', [flat, place]),
  }
}

/** The best path to the state without pitch, `[B, 1]`. @param before `[B, C + 1]` */
function ended(graph: OnnxGraph, before: OnnxValue): Step {
  const voiced = graph.slice(before, 1, 0, COUNT)
  const max = graph.node('ReduceMax', [voiced], { axes: [1], keepdims: 1 })
  const ending = graph.node('Sub', [max, graph.double(PITCH.changeCost)])
  const silent = graph.slice(before, 1, COUNT)
  const leading = graph.node('ArgMax', [voiced], { axis: 1, keepdims: 1 })
  return {
    sum: graph.node('Max', [silent, ending]),
    from: graph.node('Where', [graph.node('Greater', [ending, silent]), leading, graph.integer(COUNT)]),
  }
}

/** The state of each frame on the best path to the frame `lag` later, or to the last: `[B, F]`. */
function decided(graph: OnnxGraph, { back, best }: Paths): OnnxValue {
  const { lag } = PITCH
  const frames = graph.node('Squeeze', [graph.node('Shape', [best], { end: 1 })])
  const every = graph.node('Range', [graph.integer(0), frames, graph.integer(1)])
  const later = graph.node('Add', [every, graph.integer(lag)])
  const last = graph.node('Sub', [frames, graph.integer(1)])
  let states = graph.node('Gather', [best, graph.node('Min', [later, last])], { axis: 0 })
  // After the last frame every state follows itself.
  const own = graph.table('own states', [1, 1, COUNT + 1], [...Array(COUNT + 1).keys()])
  const clips = graph.node('Shape', [best], { start: 1, end: 2 })
  const tail = graph.node('Concat', [graph.integers(lag), clips, graph.integers(COUNT + 1)], { axis: 0 })
  const steps = graph.node('Concat', [back, graph.node('Expand', [own, tail])], { axis: 0 })
  for (let ahead = lag; ahead >= 1; ahead--) {
    const from = graph.slice(steps, 0, ahead, ahead === lag ? undefined : ahead - lag)
    const at = graph.node('Unsqueeze', [states, graph.integers(2)])
    states = graph.node('Squeeze', [graph.node('GatherElements', [from, at], { axis: 2 }), graph.integers(2)])
  }
  return graph.node('Transpose', [states], { perm: [1, 0] })
}

/** The mean of ln f0 over the neighbouring frames with a pitch. @param states `[B, F]` */
function smoothed(graph: OnnxGraph, states: OnnxValue): PitchValues {
  const { smoothing } = PITCH
  const logarithms = graph.doubles('ln f0', [COUNT + 1], [...MelPitch.candidates.map(Math.log), 0])
  const voiced = graph.node('Less', [states, graph.integer(COUNT)])
  const around = (values: OnnxValue) => {
    const padded = graph.node('Pad', [values, graph.integers(0, smoothing, 0, smoothing)])
    return Array.from({ length: 2 * smoothing + 1 }, (_, i) =>
      graph.slice(padded, 1, i, i === 2 * smoothing ? undefined : i - 2 * smoothing),
    ).reduce((sum, shifted) => graph.node('Add', [sum, shifted]))
  }
  const sum = around(graph.node('Gather', [logarithms, states]))
  const count = graph.node('Max', [around(graph.cast(voiced, 'double')), graph.double(1)])
  return { logarithm: graph.node('Div', [sum, count]), voiced }
}

/** Estimates the pitch from neighbouring scores by a small network. @param scores `[F, B, C]` @param states `[B, F]` */
function estimated(graph: OnnxGraph, network: PitchNetwork, scores: OnnxValue, states: OnnxValue): PitchValues {
  const { frames, reach, layers } = network
  const voiced = graph.node('Less', [states, graph.integer(COUNT)])
  const own = graph.node('Where', [voiced, states, graph.integer(0)])
  const column = graph.node('Unsqueeze', [own, graph.integers(2)])
  const width = 2 * reach + 1
  const around = graph.node('Add', [column, graph.table('candidates around', [width], [...Array(width).keys()])])
  const clips = graph.node('Transpose', [scores], { perm: [1, 0, 2] })
  const padded = graph.node('Pad', [clips, graph.integers(0, frames, reach, 0, frames, reach)])
  const seen = Array.from({ length: 2 * frames + 1 }, (_, i) => {
    const rows = graph.slice(padded, 1, i, i === 2 * frames ? undefined : i - 2 * frames)
    return graph.node('GatherElements', [rows, around], { axis: 2 })
  })
  const positions = graph.doubles(
    'positions of candidates',
    [COUNT],
    Array.from({ length: COUNT }, (_, c) => PitchNetwork.position(c)),
  )
  const position = graph.node('Gather', [positions, column])
  const input = graph.node('Concat', [...seen, position], { axis: 2 })
  const offset = layers.reduce((values, { weights, bias }, depth) => {
    const [outputs, inputs] = [bias.length, weights.length / bias.length]
    const columns = Array.from(weights, (_, i) => weights[(i % outputs) * inputs + Math.floor(i / outputs)]!)
    const product = graph.node('MatMul', [values, graph.doubles(`pitch weights ${depth}`, [inputs, outputs], columns)])
    const sum = graph.node('Add', [product, graph.doubles(`pitch bias ${depth}`, [outputs], bias)])
    return depth === layers.length - 1 ? sum : graph.node('Max', [sum, graph.double(0)])
  }, input)
  const candidate = graph.node('Add', [graph.cast(own, 'double'), graph.node('Squeeze', [offset, graph.integers(2)])])
  const logarithm = graph.node('Add', [
    graph.node('Mul', [candidate, graph.double(Math.LN2 / PER_OCTAVE)]),
    graph.double(Math.log(MIN_HERTZ)),
  ])
  return { logarithm, voiced }
}
