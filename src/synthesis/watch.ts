/** Watching the reverse process: the argument of `onStep`. */
import type { Mel } from '../audio/mel/convention.js'
import { DiffWaveError } from '../core/errors.js'
import { type DataDomain, decodeWhole } from '../data-domain/data-domain.js'
import { predictedNoise } from '../diffusion/prediction.js'
import { alphaBarAfter, type Sampler } from '../diffusion/samplers/sampler.js'
import type { WatchedStep } from '../diffusion/step.js'

/** One reverse step, just taken. The audio is computed when one of its functions is called, at once or later. */
export interface SamplingStep {
  /** Index of the step, 0 to `of` − 1. With several rounds per level (inpainting) each round counts. */
  readonly index: number
  /** Steps in all. */
  readonly of: number
  /** Noise level of `input()`: √(1 − ᾱ), near 1 (noise) in the first step. */
  readonly inputNoiseLevel: number
  /** Noise level of `state()`: √(1 − ᾱ), from near 1 (noise) down to 0 after the last step. */
  readonly noiseLevel: number
  /** Index of the clip in a batch, or of the stretch around a gap when inpainting; else 0. */
  readonly clip: number
  /** Sample of the result at which the audio begins: that of the stretch when inpainting, else 0. */
  readonly start: number
  /** x_t before the step as audio, what the network got: a fresh copy. */
  input(): Float32Array
  /** The predicted noise ε as audio, (x_t − √ᾱ·x̂_0)/√(1 − ᾱ): a fresh copy. */
  noise(): Float32Array
  /** x_t after the step as audio, before any phase refinement: a fresh copy. */
  state(): Float32Array
  /**
   * x̂_0, the clean audio that the step aimed at: a fresh copy. After the last step it is what the sampler returns, but
   * for DDPM's clamp to ±1 in models that have one.
   */
  clean(): Float32Array
}

/**
 * Refuses to keep the sounds of all steps, three per step and the start, if they take more than `maxBytes`.
 *
 * @param samples per sound, float32
 * @throws DiffWaveError `TOO_LARGE`
 */
export function checkStepBytes(samples: number, steps: number, maxBytes: number): void {
  const bytes = 4 * samples * (3 * steps + 1)
  if (bytes <= maxBytes) return
  throw new DiffWaveError('TOO_LARGE', 'the steps of the process are too much to keep', {
    expected: `at most ${maxBytes / 2 ** 20} MiB`,
    got: `${Math.ceil(bytes / 2 ** 20)} MiB`,
    hint: 'Take fewer steps, or a shorter sound.',
  })
}

/** Called after each reverse step. */
export type OnStep = (step: SamplingStep) => void

/** A clip that is watched. */
interface Watched {
  readonly domain: DataDomain
  readonly sampler: Sampler
  readonly mel: Mel | null
  /** Samples of the clip: longer data are cut off. */
  readonly length: number
  readonly clip?: number
  readonly start?: number
}

/** Turns steps over data into steps over audio. */
export function watchSteps(onStep: OnStep, watched: Watched): (step: WatchedStep) => void {
  const { domain, sampler, mel, length, clip = 0, start = 0 } = watched
  const audio = (data: Float32Array) => decodeWhole(domain, data, mel).slice(0, length)
  return ({ pass, input, state, clean }) => {
    const alphaBar = sampler.alphaBars[pass]!
    onStep({
      index: pass,
      of: sampler.steps.length,
      inputNoiseLevel: Math.sqrt(1 - alphaBar),
      noiseLevel: Math.sqrt(1 - alphaBarAfter(sampler, pass)),
      clip,
      start,
      input: () => audio(input),
      noise: () => audio(predictedNoise('x0', clean(), input, alphaBar)),
      state: () => audio(state),
      clean: () => audio(clean()),
    })
  }
}

/** Tells the steps of one clip of a batch from the others'. */
export function clipOfBatch(onStep: OnStep, clip: number): OnStep {
  return step => onStep({ ...step, clip })
}
