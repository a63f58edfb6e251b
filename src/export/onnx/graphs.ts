/** Builds the two graphs that can be exported: one call of the denoiser, and the whole process from noise to audio. */
import { pulseShares } from '../../data-domain/excitation.js'
import type { ReverseSteps } from '../../diffusion/step.js'
import { OnnxGraph, type OnnxValue } from '../../formats/onnx.js'
import { harmonicsOf, scheduleSteps } from '../../model/diffusion-config.js'
import type { ModelFiles } from '../../model/import/model-files.js'
import { domainGraph } from './domain.js'
import { excitationGraph } from './excitation.js'
import { FrontEndGraph } from './front-end.js'
import { highBandGraph } from './high-band.js'
import { NetworkGraph } from './network.js'
import { processGraph, type StepInput } from './process.js'
import { outputGains, sinusoids } from './step-embedding.js'
import { linearSteps } from './steps.js'

/** An input or an output of a graph. */
export interface OnnxPort {
  /** Name in the graph. */
  readonly name: string
  /** Type of its elements. */
  readonly type: 'float32' | 'int64'
  /** Size of each axis. A string names a size that is known only at run time. */
  readonly shape: readonly (number | string)[]
}

/** A graph that is ready to be written. */
export interface BuiltGraph {
  readonly graph: OnnxGraph
  readonly inputs: readonly OnnxPort[]
  readonly outputs: readonly OnnxPort[]
}

/** Adds inputs and outputs to a graph, and lists them. */
class Ports {
  readonly inputs: OnnxPort[] = []
  readonly outputs: OnnxPort[] = []

  constructor(readonly graph: OnnxGraph) {}

  input(name: string, shape: OnnxPort['shape'], type: OnnxPort['type'] = 'float32'): OnnxValue {
    this.inputs.push({ name, type, shape })
    return this.graph.input(name, shape, type === 'float32' ? 'float' : 'int64')
  }

  output(value: OnnxValue, name: string, shape: OnnxPort['shape']): void {
    this.outputs.push({ name, type: 'float32', shape })
    this.graph.output(value, name, shape)
  }

  built(): BuiltGraph {
    return { graph: this.graph, inputs: this.inputs, outputs: this.outputs }
  }
}

/** The network's windowed front end; null for patches. @param samplesOf a value whose last dimension is the samples */
function frontEndGraph(
  graph: OnnxGraph,
  { config, parameters }: ModelFiles,
  mel: OnnxValue | null,
  samplesOf: OnnxValue,
): FrontEndGraph | null {
  const { frontEnd } = config.network
  if (frontEnd === null) return null
  return new FrontEndGraph({ graph, frontEnd, parameters, convention: config.mel, mel, samplesOf })
}

/** Builds one call of the denoiser, from audio x_t, step, and mel or label to the prediction (ε, v or x̂_0). */
export function denoiserGraph(model: ModelFiles, halfWeights: boolean): BuiltGraph {
  const { config, parameters } = model
  const { network } = config
  const graph = new OnnxGraph({ name: 'denoiser', halfWeights })
  const ports = new Ports(graph)
  const audio = ports.input('audio', ['batch', 'samples'])
  const step = ports.input('step', ['batch'])
  const mel = network.mel === null ? null : ports.input('mel', ['batch', network.mel.bands, 'frames'])
  const label = network.labels === null ? null : ports.input('label', ['batch'], 'int64')
  const frontEnd = frontEndGraph(graph, model, mel, audio)
  const output = new NetworkGraph(graph, network, parameters, mel, frontEnd).call({
    audio,
    sinusoids: sinusoids(graph, network.stepEmbedding, step, scheduleSteps(config.diffusion.training)),
    gain: network.inputMask === null ? null : outputGains(graph, step, network.inputMask.steps),
    label,
  })
  ports.output(output, 'output', ['batch', 'samples'])
  return ports.built()
}

export interface WholeGraph extends BuiltGraph {
  /** Number of rows of the input `noise` for each clip. */
  readonly noiseRows: number
}

/**
 * Builds the whole process from noise, and mel or label, to audio, with all steps of the schedule.
 *
 * @param guidance weight w of classifier-free guidance, for models with labels but no mel; 0 for none
 */
export function wholeGraph(
  model: ModelFiles,
  process: ReverseSteps,
  guidance: number,
  halfWeights: boolean,
): WholeGraph {
  const { config, parameters } = model
  const { network } = config
  const steps = linearSteps(process)
  const { highBand } = config.diffusion
  const noiseRows = 1 + steps.filter(step => step.needsNoise).length + (highBand === null ? 0 : 1)
  const graph = new OnnxGraph({ name: config.kind, halfWeights })
  const ports = new Ports(graph)
  const mel = network.mel === null ? null : ports.input('mel', ['batch', network.mel.bands, 'frames'])
  const noise = ports.input('noise', ['batch', noiseRows, 'samples'])
  const label = network.labels === null ? null : ports.input('label', ['batch'], 'int64')
  const frontEnd = frontEndGraph(graph, model, mel, noise)
  const domain = domainGraph(graph, config, mel, frontEnd)
  const written = new NetworkGraph(graph, network, parameters, mel, frontEnd)
  const predict = (audio: OnnxValue, step: StepInput) => {
    const call = (clips: OnnxValue, labels: OnnxValue | null) => written.call({ audio: clips, label: labels, ...step })
    return label === null || guidance === 0
      ? call(audio, label)
      : guided(graph, call, { x: audio, label, unlabelled: network.labels!.length, guidance })
  }
  const rowOf = (row: OnnxValue) => graph.node('Gather', [noise, row], { axis: 1 })
  const noiseAt = (row: OnnxValue) => domain.shapeNoise(rowOf(row))
  const harmonics = harmonicsOf(config.diffusion)
  const start =
    harmonics === null
      ? noiseAt(graph.integer(0))
      : frontEnd!.voiced(
          pulseShares(network.frontEnd!, config.sampleRate, harmonics),
          harmonics.phase,
          excitationGraph(graph, mel!, config.mel!, harmonics.pitch, rowOf(graph.integer(0))),
        )
  const x = processGraph({ graph, network, steps, predict, start, noiseAt })
  const audio = domain.decode(x)
  const final =
    highBand === null
      ? audio
      : graph.node('Add', [
          audio,
          highBandGraph(graph, { mel: mel!, white: rowOf(graph.integer(noiseRows - 1)) }, config.mel!, highBand),
        ])
  ports.output(final, 'audio', ['batch', 'samples'])
  return { ...ports.built(), noiseRows }
}

/** (1 + w) · labelled − w · unlabelled. Both are computed in one call with twice as many clips. */
function guided(
  graph: OnnxGraph,
  predict: (audio: OnnxValue, label: OnnxValue) => OnnxValue,
  settings: {
    readonly x: OnnxValue
    readonly label: OnnxValue
    readonly unlabelled: number
    readonly guidance: number
  },
): OnnxValue {
  const { x, label, unlabelled, guidance } = settings
  const none = graph.node('Add', [graph.node('Mul', [label, graph.integer(0)]), graph.integer(unlabelled)])
  const twice = (a: OnnxValue, b: OnnxValue) => graph.node('Concat', [a, b], { axis: 0 })
  const outputs = graph.nodes('Split', [predict(twice(x, x), twice(label, none))], { axis: 0 }, 2)
  const [with_, without] = [
    graph.node('Mul', [outputs[0]!, graph.scalar(1 + guidance)]),
    graph.node('Mul', [outputs[1]!, graph.scalar(guidance)]),
  ]
  return graph.node('Sub', [with_, without])
}
