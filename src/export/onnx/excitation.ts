/**
 * Writes the starting point of voiced speech into a graph (src/data-domain/excitation.ts): pulses at the mel's pitch,
 * and noise whose level follows them.
 *
 * Shapes: B clips, F mel frames, T = F × hop samples, N pulses of all clips.
 */
import type { MelConvention } from '../../audio/mel/convention.js'
import type { PitchMethod } from '../../audio/mel/pitch.js'
import { PULSE_HALF_WIDTH, SWELL_POWER } from '../../data-domain/excitation.js'
import { FIRST_PITCH } from '../../data-domain/pitch-contour.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import { type PitchValues, pitchGraph } from './pitch.js'

/** The parts of the excitation, each `[B, T]` in float32. */
export interface ExcitationValues {
  readonly pulses: OnnxValue
  readonly noise: OnnxValue
  /** The voicing v, 0 … 1. */
  readonly voicing: OnnxValue
}

/** Writes the excitation. @param mel `[B, bands, F]` @param white standard normal numbers, `[B, T]` */
export function excitationGraph(
  graph: OnnxGraph,
  mel: OnnxValue,
  convention: MelConvention,
  method: PitchMethod,
  white: OnnxValue,
): ExcitationValues {
  const { increment, voicing } = perSample(graph, pitchGraph(graph, mel, convention, method), convention)
  const phase = graph.node('CumSum', [increment, graph.integer(1)])
  const whole = graph.node('Floor', [phase])
  const fraction = graph.node('Sub', [phase, whole])
  const pulses = pulsesOf(graph, { increment, whole, fraction })
  const root = graph.node('Sqrt', [voicing])
  // ONNX Runtime has no cosine in float64. For a fraction of a turn, float32 is precise enough for noise.
  const turn = graph.node('Mul', [graph.cast(fraction, 'float'), graph.scalar(2 * Math.PI)])
  const swell = graph.node('Add', [graph.node('Cos', [turn]), graph.scalar(1)])
  const power = graph.node('Mul', [graph.node('Mul', [swell, swell]), graph.scalar(1 / SWELL_POWER)])
  const share = graph.cast(voicing, 'float')
  const quiet = graph.node('Sub', [graph.scalar(1), share])
  const level = graph.node('Sqrt', [graph.node('Add', [quiet, graph.node('Mul', [share, power])])])
  return {
    pulses: graph.cast(graph.node('Mul', [pulses, root]), 'float'),
    noise: graph.node('Mul', [white, level]),
    voicing: share,
  }
}

/** Computes f0 / rate and v for every sample, `[B, T]` in float64. */
function perSample(graph: OnnxGraph, { logarithm, voiced }: PitchValues, { hop, sampleRate }: MelConvention) {
  const next = (values: OnnxValue) =>
    graph.node('Concat', [graph.slice(values, 1, 1), graph.slice(values, 1, -1)], { axis: 1 })
  const [later, goesOn] = [next(logarithm), next(voiced)]
  const before = heldPitch(graph, { logarithm, voiced })
  const alone = graph.node('Where', [goesOn, later, before])
  const start = graph.node('Where', [voiced, logarithm, alone])
  const end = graph.node('Where', [goesOn, later, start])
  const shares = graph.doubles(
    'shares of a frame',
    [hop],
    Array.from({ length: hop }, (_, i) => i / hop),
  )
  const between = (from: OnnxValue, to: OnnxValue) => {
    const [first, rise] = [from, graph.node('Sub', [to, from])].map(value =>
      graph.node('Unsqueeze', [value, graph.integers(2)]),
    )
    const values = graph.node('Add', [first!, graph.node('Mul', [rise!, shares])])
    return graph.node('Reshape', [values, graph.integers(0, -1)])
  }
  const perRate = graph.node('Sub', [between(start, end), graph.double(Math.log(sampleRate))])
  return {
    increment: graph.node('Exp', [perRate]),
    voicing: between(graph.cast(voiced, 'double'), graph.cast(goesOn, 'double')),
  }
}

/** For each frame, ln f0 of the last earlier frame with a pitch, `[B, F]`. */
function heldPitch(graph: OnnxGraph, { logarithm, voiced }: PitchValues): OnnxValue {
  // Each clip begins with a frame that has a pitch, so that no value passes from one clip to the next.
  const before = [
    [0, 1],
    [0, 0],
  ].map(sizes => graph.integers(...sizes))
  const pads = graph.node('Concat', before, { axis: 0 })
  const logs = graph.node('Pad', [logarithm, pads, graph.double(Math.log(FIRST_PITCH))])
  const flags = graph.node('Pad', [graph.cast(voiced, 'int64'), pads, graph.integer(1)])
  const flat = graph.node('Reshape', [flags, graph.integers(-1)])
  const found = graph.node('Compress', [graph.node('Reshape', [logs, graph.integers(-1)]), graph.cast(flat, 'bool')])
  const place = graph.node('Sub', [graph.node('CumSum', [flat, graph.integer(0)]), graph.integer(1)])
  const last = graph.node('Reshape', [graph.node('Gather', [found, place]), graph.node('Shape', [flags])])
  return graph.slice(last, 1, 0, -1)
}

interface Phase {
  readonly increment: OnnxValue
  /** The phase φ in turns, as whole turns and the fraction. */
  readonly whole: OnnxValue
  readonly fraction: OnnxValue
}

/** Writes one pulse at each whole number of turns, `[B, T]` in float64. */
function pulsesOf(graph: OnnxGraph, { increment, whole, fraction }: Phase): OnnxValue {
  const width = 2 * PULSE_HALF_WIDTH
  const before = graph.node('Pad', [graph.slice(whole, 1, 0, -1), graph.integers(0, 1, 0, 0)])
  const passed = graph.node('Greater', [whole, before])
  const at = graph.node('Transpose', [graph.node('NonZero', [passed])], { perm: [1, 0] })
  const [clip, sample] = graph.nodes('Split', [at], { axis: 1 }, 2)
  const period = graph.node('Reciprocal', [graph.node('GatherND', [increment, at])])
  // The distance from the pulse to the next sample, 0 to 1.
  const back = graph.node('Mul', [graph.node('GatherND', [fraction, at]), period])
  const pulse = graph.node('Sub', [graph.cast(sample!, 'double'), graph.node('Unsqueeze', [back, graph.integers(1)])])
  const first = graph.node('Floor', [pulse])
  // The distances d of the samples around the pulse, `[N, width]`, and sin(πd)/(πd), which is 1 at 0.
  const steps = Array.from({ length: width }, (_, i) => i + 1 - PULSE_HALF_WIDTH)
  const d = graph.node('Add', [graph.node('Sub', [first, pulse]), graph.doubles('samples of a pulse', [width], steps)])
  const angle = graph.node('Mul', [d, graph.double(Math.PI)])
  const sine = graph.node('Sin', [angle])
  const middle = graph.node('Equal', [d, graph.double(0)])
  const sinc = graph.node('Where', [middle, graph.double(1), graph.node('Div', [sine, angle])])
  // Hann: ½ + ½·cos x = sin²(x/2 + π/2).
  const half = graph.node('Mul', [angle, graph.double(0.5 / PULSE_HALF_WIDTH)])
  const root = graph.node('Sin', [graph.node('Add', [half, graph.double(Math.PI / 2)])])
  const level = graph.node('Unsqueeze', [graph.node('Sqrt', [period]), graph.integers(1)])
  const values = [graph.node('Mul', [root, root]), level].reduce(
    (product, factor) => graph.node('Mul', [product, factor]),
    sinc,
  )
  // The rows are long enough for pulses that reach beyond the clip.
  const shape = graph.node('Shape', [increment])
  const room = graph.node('Add', [shape, graph.integers(0, 2 * width)])
  const row = graph.slice(room, 0, 1)
  const place = graph.node('Add', [
    graph.node('Add', [graph.node('Mul', [clip!, row]), graph.cast(first, 'int64')]),
    graph.integers(...steps.map(step => step + width)),
  ])
  const silence = graph.node('Expand', [graph.double(0), graph.node('ReduceProd', [room], { keepdims: 1 })])
  const list = (value: OnnxValue) => graph.node('Reshape', [value, graph.integers(-1)])
  const added = graph.node('ScatterElements', [silence, list(place), list(values)], { axis: 0, reduction: 'add' })
  return graph.slice(graph.node('Reshape', [added, room]), 1, width, -width)
}
