/** The workloads: a network with random weights, a clip with its mel, and the noise of a six-step synthesis. */

import { gaussian } from '../../dist/core/random.js'
import { createSampler } from '../../dist/diffusion/samplers/create.js'
import { modelConfigSchema } from '../../dist/model/config.js'
import { parameterSpecs } from '../../dist/model/parameters.js'
import { stepSinusoids } from '../../dist/model/step-embedding.js'

const SEED = 1
const HOP = 256
export const SAMPLE_RATE = 22050

/** The published network and mel convention, with any number of channels. */
export function benchConfig(channels, { layers = 30, dilationCycle = 10 } = {}) {
  return modelConfigSchema.parse({
    format: 'diffwave',
    version: 1,
    kind: 'vocoder',
    sampleRate: SAMPLE_RATE,
    network: { channels, layers, dilationCycle, mel: { kind: 'transposed', bands: 80, strides: [16, 16] } },
    mel: 'lmnt',
    diffusion: {
      training: { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 },
      sampling: { 6: [1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5] },
      defaultSteps: 6,
    },
  })
}

/** Random weights whose outputs are neither zero nor saturated. */
export function randomParameters(network) {
  return new Map(
    parameterSpecs(network).map(({ name, shape }, i) => {
      const count = shape.reduce((product, size) => product * size, 1)
      const fanIn = shape.slice(1).reduce((product, size) => product * size, 1)
      const scale = shape.length === 1 ? 0.1 : 1 / Math.sqrt(fanIn)
      return [name, { shape, data: gaussian(SEED, i, 0, count).map(value => value * scale) }]
    }),
  )
}

/** Number of mel frames nearest to a duration. */
function framesOf(seconds) {
  return Math.max(1, Math.round((seconds * SAMPLE_RATE) / HOP))
}

export function synthesisWorkload(channels, seconds, options) {
  const config = benchConfig(channels, options)
  const { network } = config
  const frames = framesOf(seconds)
  const samples = frames * HOP
  const mel = {
    data: gaussian(SEED, 1000, 0, 80 * frames).map(v => Math.min(Math.max(0.5 + 0.2 * v, 0), 1)),
    bands: 80,
    frames,
  }
  const sampler = createSampler(config.diffusion)
  return {
    config,
    parameters: randomParameters(network),
    mel,
    samples,
    audio: gaussian(SEED, 1001, 0, samples),
    step: sampler.steps[2],
    sampler,
    seed: SEED,
    sinusoids: stepSinusoids(network.stepEmbedding, sampler.steps),
    /** GFLOP of one step with the direct convolution (2 per multiply-add): whole, and without the mel projections. */
    gflop: {
      whole: 2e-9 * samples * (network.layers * channels * (8 * channels + 160) + channels * (channels + 2)),
      step: 2e-9 * samples * (network.layers * channels * 8 * channels + channels * (channels + 2)),
    },
  }
}

/** Makes a training batch of audio, [clips × samples]. */
export function trainingWorkload(channels, clips, samples, options) {
  const config = benchConfig(channels, options)
  const { network } = config
  const frames = samples / HOP
  const steps = Array.from({ length: clips }, (_, i) => (7 * i + 3) % 50)
  return {
    config,
    parameters: randomParameters(network),
    batch: {
      audio: steps.map((_, i) => gaussian(SEED, 2000 + i, 0, samples)),
      target: steps.map((_, i) => gaussian(SEED, 2100 + i, 0, samples)),
      mel: steps.map((_, i) => ({ data: gaussian(SEED, 2200 + i, 0, 80 * frames), bands: 80, frames })),
      steps,
      loss: 'l1',
    },
    sinusoids: stepSinusoids(network.stepEmbedding, steps),
    /** GFLOP of the forward pass and of the backward pass, which takes twice as many. */
    gflop: 6e-9 * clips * samples * (network.layers * channels * (8 * channels + 160) + channels * (channels + 2)),
  }
}

/**
 * The largest difference, relative to half the range of the expected values, so that a common offset hides nothing. A
 * single value is compared relative to itself.
 */
export function relativeDifference(actual, expected) {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let worst = 0
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i])
    if (!(difference <= worst)) worst = difference
    low = Math.min(low, expected[i])
    high = Math.max(high, expected[i])
  }
  return worst / (expected.length === 1 ? Math.abs(high) : (high - low) / 2)
}
