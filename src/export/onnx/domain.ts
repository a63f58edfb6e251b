/**
 * Writes a model's data domain into a graph (src/data-domain): the shaping of its noise, and the conversion of the last
 * step's result to audio.
 *
 * Shapes: B clips, T samples, F mel frames, T = F × hop.
 */
import { frameCentre } from '../../audio/mel/frames.js'
import { hannWindow } from '../../audio/transforms/stft.js'
import { firstFrame, frameStart } from '../../data-domain/frame-filter.js'
import { SpectralEnvelope, smoothed, smoothings } from '../../data-domain/spectral-envelope.js'
import type { OnnxGraph, OnnxValue } from '../../formats/onnx.js'
import type { ModelConfig } from '../../model/config.js'
import type { EnergyPriorConfig, SubbandsConfig } from '../../model/diffusion-config.js'
import type { FrontEndGraph } from './front-end.js'
import { atSamples } from './interpolation.js'
import { melAmplitudes, melLogarithms } from './mel-levels.js'

/** The two functions of a data domain. Both map `[B, T]` to `[B, T]`. */
export interface DomainGraph {
  /** Shapes white noise into the domain's noise. */
  shapeNoise(white: OnnxValue): OnnxValue
  /** Converts data to audio. */
  decode(data: OnnxValue): OnnxValue
}

/**
 * Writes the functions of a model's data domain.
 *
 * @param mel `[B, bands, F]`; null for a model without a mel
 * @param frontEnd front end of the network; null for a network with patches
 */
export function domainGraph(
  graph: OnnxGraph,
  config: ModelConfig,
  mel: OnnxValue | null,
  frontEnd: FrontEndGraph | null,
): DomainGraph {
  const { prior, subbands, signalScale } = config.diffusion
  const unscaled = (data: OnnxValue) =>
    signalScale === 1 ? data : graph.node('Div', [data, graph.scalar(signalScale)])
  const white = (noise: OnnxValue) => noise
  if (subbands) return { shapeNoise: white, decode: data => synthesised(graph, data, subbands) }
  if (mel === null || config.mel === null || prior === null) return { shapeNoise: white, decode: unscaled }
  switch (prior.kind) {
    case 'mel-energy': {
      const deviations = energyDeviations(graph, mel, config.mel, prior)
      return { shapeNoise: noise => graph.node('Mul', [noise, deviations]), decode: unscaled }
    }
    case 'mel-envelope': {
      const envelope = new SpectralEnvelope(config.mel, prior)
      return { shapeNoise: white, decode: data => unscaled(coloured(graph, data, mel, envelope)) }
    }
    case 'front-end':
      return { shapeNoise: noise => frontEnd!.shaped(noise), decode: unscaled }
  }
}

/** σ of PriorGrad's noise, `[B, T]` (src/data-domain/energy-prior.ts). */
function energyDeviations(
  graph: OnnxGraph,
  mel: OnnxValue,
  convention: NonNullable<ModelConfig['mel']>,
  { minEnergy, maxEnergy, floor }: EnergyPriorConfig,
): OnnxValue {
  const amplitudes = melAmplitudes(graph, mel, convention)
  const magnitudes = convention.power === 2 ? graph.node('Sqrt', [amplitudes]) : amplitudes
  const energy = graph.node('Sqrt', [graph.node('ReduceSum', [magnitudes, graph.integers(1)], { keepdims: 1 })])
  const share = graph.node('Sub', [energy, graph.scalar(minEnergy)])
  const scaled = graph.node('Div', [share, graph.scalar(maxEnergy - minEnergy)])
  return atSamples(graph, graph.node('Clip', [scaled, graph.scalar(floor), graph.scalar(1)]), convention)
}

/** M of SpecGrad's prior (src/data-domain/frame-filter.ts): transform, gains, inverse transform, overlap-add. */
function coloured(graph: OnnxGraph, data: OnnxValue, mel: OnnxValue, envelope: SpectralEnvelope): OnnxValue {
  const { convention } = envelope
  const { fftSize, windowLength, hop } = convention
  const window = hannWindow(windowLength, fftSize)
  // The frames −before … F − 1 + after overlap the clip.
  const before = -firstFrame(convention)
  const after = Math.ceil((fftSize / 2 - frameCentre(0, convention)) / hop)
  const left = -frameStart(-before, convention)
  const right = frameStart(after, convention) + fftSize - hop
  const rows = fourierRows(graph, window)
  const image = graph.node('Reshape', [data, graph.integers(0, 1, -1)])
  const padded = graph.node('Pad', [image, graph.integers(0, 0, left, 0, 0, right)])
  const spectrum = graph.node('Conv', [padded, rows], { strides: [hop] })
  const gains = envelopeGains(graph, mel, envelope)
  const extended = graph.node('Pad', [gains, graph.integers(0, 0, before, 0, 0, after)], { mode: 'edge' })
  const filtered = graph.node('Mul', [spectrum, graph.node('Concat', [extended, extended], { axis: 1 })])
  const added = graph.node('ConvTranspose', [filtered, rows], { strides: [hop] })
  const cut = graph.slice(added, 2, left, -right)
  // Sample n of a hop is covered by the same squared windows in every hop.
  const squares = new Float64Array(hop)
  window.forEach((w, i) => {
    squares[(((i - left) % hop) + hop) % hop]! += w * w
  })
  const inverse = graph.floats(
    'inverse squares',
    [hop],
    squares.map(square => 1 / Math.max(1e-12, square)),
  )
  const hops = graph.node('Mul', [graph.node('Reshape', [cut, graph.integers(0, -1, hop)]), inverse])
  return graph.node('Reshape', [hops, graph.integers(0, -1)])
}

/**
 * `[2 · bins, 1, fftSize]`: windowed cosines, then sines. They are computed from a table of one period, so that a file
 * stores kilobytes instead of megabytes. Runtimes fold them into a constant when they load the file.
 */
function fourierRows(graph: OnnxGraph, window: Float64Array): OnnxValue {
  const size = window.length
  const bins = size / 2 + 1
  const range = (count: number, shape: readonly [number, number]) =>
    graph.node('Reshape', [
      graph.node('Range', [graph.integer(0), graph.integer(count), graph.integer(1)]),
      graph.integers(...shape),
    ])
  const turns = graph.node('Mul', [range(bins, [bins, 1]), range(size, [1, size])])
  const places = graph.node('Mod', [turns, graph.integer(size)])
  const samples = graph.floats('window', [size], window)
  const halves = [Math.cos, Math.sin].map(wave => {
    const name = wave === Math.cos ? 'cosines' : 'sines'
    const period = Array.from({ length: size }, (_, i) => wave((2 * Math.PI * i) / size))
    return graph.node('Mul', [graph.node('Gather', [graph.floats(name, [size], period), places]), samples])
  })
  return graph.node('Reshape', [graph.node('Concat', halves, { axis: 0 }), graph.integers(2 * bins, 1, size)])
}

/** The gains of each frame times the weight of each bin in the inverse transform, `[B, bins, F]`. */
function envelopeGains(graph: OnnxGraph, mel: OnnxValue, envelope: SpectralEnvelope): OnnxValue {
  const { convention, prior, whiteLevels, below, above, weight, drop } = envelope
  const { power, fftSize } = convention
  const bins = weight.length
  const bands = envelope.bands.length
  const ofAllBands = melLogarithms(graph, mel, convention)
  const logarithms =
    bands === convention.bands
      ? ofAllBands
      : graph.node('Gather', [ofAllBands, graph.integers(...envelope.bands)], { axis: 1 })
  let levels = graph.node('Sub', [logarithms, graph.floats('white levels', [bands, 1], whiteLevels)])
  if (power === 2) levels = graph.node('Div', [levels, graph.scalar(2)])
  const smoothing = smoothings[prior.follows]
  if (smoothing.length > 1) {
    const matrix = new Float32Array(bands * bands)
    for (let from = 0; from < bands; from++) {
      const unit = Float64Array.from({ length: bands }, (_, band) => (band === from ? 1 : 0))
      for (let to = 0; to < bands; to++) matrix[to * bands + from] = smoothed(unit, to, smoothing)
    }
    levels = graph.node('MatMul', [graph.floats('band smoothing', [bands, bands], matrix), levels])
  }
  const bandsOf = (indices: Uint16Array) => graph.node('Gather', [levels, graph.integers(...indices)], { axis: 1 })
  const lower = bandsOf(below)
  const rise = graph.node('Sub', [bandsOf(above), lower])
  const between = graph.node('Mul', [rise, graph.floats('bin places', [bins, 1], weight)])
  const floored = graph.node('Max', [graph.node('Add', [lower, between]), graph.scalar(Math.log(prior.floor))])
  const gains = graph.node('Exp', [graph.node('Sub', [floored, graph.floats('roll-off', [bins, 1], drop)])])
  const counts = Array.from({ length: bins }, (_, bin) => (bin === 0 || bin === bins - 1 ? 1 : 2) / fftSize)
  return graph.node('Mul', [gains, graph.floats('bin counts', [bins, 1], counts)])
}

/** The inverse MDCT (src/audio/transforms/mdct.ts): a DCT-IV per block, then a rotation about each inner boundary. */
function synthesised(graph: OnnxGraph, data: OnnxValue, { gains }: SubbandsConfig): OnnxValue {
  const bands = gains.length
  const half = bands / 2
  const matrix = new Float32Array(bands * bands)
  for (let k = 0; k < bands; k++) {
    for (let n = 0; n < bands; n++) {
      matrix[k * bands + n] =
        (Math.sqrt(2 / bands) * Math.cos((Math.PI / bands) * (n + 0.5) * (k + 0.5))) / Math.fround(gains[k]!)
    }
  }
  const blocks = graph.node('Reshape', [data, graph.integers(0, -1, bands)])
  const mixed = graph.node('MatMul', [blocks, graph.floats('inverse MDCT', [bands, bands], matrix)])
  const first = graph.slice(mixed, 2, 0, half)
  // One side is reversed, so that the n-th sample before a boundary is paired with the n-th after it.
  const second = graph.slice(mixed, 2, -1, half - 1, -1)
  const angle = (n: number) => (Math.PI / 4) * (1 + (2 * n + 1) / bands)
  const turn = (name: string, wave: (angle: number) => number) =>
    graph.floats(
      name,
      [half],
      Array.from({ length: half }, (_, n) => wave(angle(n))),
    )
  const [near, far] = [turn('near', Math.sin), turn('far', Math.cos)]
  const [left, right] = [graph.slice(second, 1, 0, -1), graph.slice(first, 1, 1)]
  const product = (a: OnnxValue, b: OnnxValue) => graph.node('Mul', [a, b])
  const newLeft = graph.node('Add', [product(near, left), product(far, right)])
  const newRight = graph.node('Sub', [product(near, right), product(far, left)])
  const firsts = graph.node('Concat', [graph.slice(first, 1, 0, 1), newRight], { axis: 1 })
  const seconds = graph.node('Concat', [newLeft, graph.slice(second, 1, -1)], { axis: 1 })
  const whole = graph.node('Concat', [firsts, graph.slice(seconds, 2, -1, Number.MIN_SAFE_INTEGER, -1)], { axis: 2 })
  return graph.node('Reshape', [whole, graph.integers(0, -1)])
}
