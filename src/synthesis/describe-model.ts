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
  readonly bins: number
  readonly learned: boolean
  /** Whether the network also sees the mel's envelope. */
  readonly envelope: boolean
}

/** A noise schedule of training. */
export interface ScheduleFacts {
  readonly kind: string
  readonly steps: number
}

function describeWindows({ kernel, stride, bins, learned, envelope }: FrontEndConfig): WindowFacts {
  return { length: kernel, hop: stride, bins, learned, envelope: envelope !== null }
}

/**
 * Describes a model by its config, as `diffwave inspect` does. Lengths are in samples or milliseconds at its sample
 * rate.
 *
 * @example
 * const { parameters, lookAheadMilliseconds } = describeModel(vocoder.config)
 */
export function describeModel(config: ModelConfig) {
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
  } as const
}

/** What `describeModel` returns. */
export type ModelDescription = ReturnType<typeof describeModel>
