/** Facts that follow from a model's config alone: `diffwave inspect` prints them. */
import { domainOf } from '../data-domain/domain-of.js'
import { createSampler } from '../diffusion/samplers/create.js'
import type { ModelConfig } from '../model/config.js'
import { scheduleSteps } from '../model/diffusion-config.js'
import { type FrontEndConfig, melHop, positionSamples, receptiveRadius } from '../model/network.js'
import { parameterCount } from '../model/parameters.js'
import { lookAhead } from './look-ahead.js'

/** Windows of a front end. */
export interface WindowFacts {
  /** Samples of a window. */
  readonly length: number
  /** Samples from one window to the next. */
  readonly hop: number
  /** Frequency bins that the network sees and makes. */
  readonly bins: number
  /** Whether the transforms are learned. */
  readonly learned: boolean
  /** Whether the network also sees the mel's envelope. */
  readonly envelope: boolean
}

/** A noise schedule of training. */
export interface ScheduleFacts {
  /** How its β are given: `linear`, `cosine` or `explicit`. */
  readonly kind: string
  /** Number of steps. */
  readonly steps: number
}

/** What `describeModel` returns. Lengths are in samples or milliseconds at the model's sample rate. */
export interface ModelDescription {
  /** `vocoder` or `generator`. */
  readonly kind: ModelConfig['kind']
  /** Name of the model; empty if it has none. */
  readonly name: string
  /** SPDX identifier of the weights' licence; empty if it is not stated. */
  readonly license: string
  /** In Hz. */
  readonly sampleRate: number
  /** Name of the mel convention; null for generators. */
  readonly convention: string | null
  /** Number of channels of the residual stack. */
  readonly channels: number
  /** Number of residual layers. */
  readonly layers: number
  /** Number of layers after which the dilation starts at 1 again. */
  readonly dilationCycle: number
  /** Samples per position, without windows. */
  readonly patch: number
  /** The overlapping windows of the front end; null if there are none. */
  readonly windows: WindowFacts | null
  /** Samples of the input that one sample of the network's output depends on. */
  readonly receptiveField: number
  /** The same in milliseconds. */
  readonly receptiveFieldMilliseconds: number
  /** Number of steps, if a call names none. */
  readonly defaultSteps: number
  /** Upper bound of a stream's look-ahead with that many steps. */
  readonly lookAheadMilliseconds: number
  /** The same with `latency: 'low'`. */
  readonly lowLatencyMilliseconds: number
  /** Default iterations of phase refinement; null if the model has none. */
  readonly refinementIterations: number | null
  /** Frequency in Hz above which the model adds noise; null if it does not. */
  readonly highBandHertz: number | null
  /** Samples from one mel frame to the next; null for generators. */
  readonly hop: number | null
  /** The voices or classes; null if there are none. */
  readonly labels: readonly string[] | null
  /** Whether a label is drawn if a call names none. */
  readonly drawsLabels: boolean
  /** Number of weights. */
  readonly parameters: number
  /** The noise schedule of training. */
  readonly trainingSchedule: ScheduleFacts
  /** Names or numbers of steps of the schedules to sample with. */
  readonly samplingSchedules: readonly string[]
}

function describeWindows({ kernel, stride, bins, learned, envelope }: FrontEndConfig): WindowFacts {
  return { length: kernel, hop: stride, bins, learned, envelope: envelope !== null }
}

/**
 * Describes a model by its config, as `diffwave inspect` does.
 *
 * @example
 * const { parameters, lookAheadMilliseconds } = describeModel(vocoder.config)
 */
export function describeModel(config: ModelConfig): ModelDescription {
  const { network, diffusion, sampleRate } = config
  const { training } = diffusion
  const milliseconds = (samples: number) => (1000 * samples) / sampleRate
  const receptiveField = (2 * receptiveRadius(network) + 1) * positionSamples(network)
  const { steps } = createSampler(diffusion)
  const process = { steps: steps.length, domain: domainOf(config) }
  return {
    kind: config.kind,
    name: config.name,
    license: config.license,
    sampleRate,
    convention: config.mel?.name ?? null,
    channels: network.channels,
    layers: network.layers,
    dilationCycle: network.dilationCycle,
    patch: network.patch,
    windows: network.frontEnd === null ? null : describeWindows(network.frontEnd),
    receptiveField,
    receptiveFieldMilliseconds: milliseconds(receptiveField),
    defaultSteps: steps.length,
    lookAheadMilliseconds: milliseconds(lookAhead(config, process)),
    lowLatencyMilliseconds: milliseconds(lookAhead(config, { ...process, latency: 'low' })),
    refinementIterations: diffusion.refinement?.iterations ?? null,
    highBandHertz: diffusion.highBand === null ? null : config.mel!.maxFrequency,
    hop: network.mel === null ? null : melHop(network.mel),
    labels: network.labels,
    drawsLabels: config.labelShares !== null,
    parameters: parameterCount(network),
    trainingSchedule: { kind: training.kind, steps: scheduleSteps(training) },
    samplingSchedules: Object.keys(diffusion.sampling),
  }
}
