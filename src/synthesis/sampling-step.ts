/** What `onStep` receives: the audio of each reverse step. */
import type { Mel } from '../audio/mel/convention.js'
import type { Callback } from '../core/callback.js'
import { DiffWaveError } from '../core/errors.js'
import { type DataDomain, decodeWhole } from '../data-domain/data-domain.js'
import { predictedNoise } from '../diffusion/prediction.js'
import { alphaBarAfter, type Sampler } from '../diffusion/samplers/sampler.js'
import type { WatchedStep } from '../diffusion/step.js'
import type { ModelConfig } from '../model/config.js'

/**
 * A reverse step that was just taken. Its functions compute audio when they are called, during the callback or later.
 */
export interface SamplingStep {
  /**
   * Index of the step, 0 to `of` − 1. If inpainting runs several rounds per noise level, each round counts as a step.
   */
  readonly index: number
  /** Number of steps in all. */
  readonly of: number
  /** Noise level √(1 − ᾱ) of `input()`: near 1, almost pure noise, in the first step. */
  readonly inputNoiseLevel: number
  /** Noise level √(1 − ᾱ) of `state()`: falls to 0, clean audio, after the last step. */
  readonly noiseLevel: number
  /** Index of the clip in a batch; when inpainting, index of the region around a gap; else 0. */
  readonly clip: number
  /**
   * Sample of the result at which this audio begins: the start of the region when inpainting, else 0. It is counted at
   * the model's rate, which is also that of the audio. Only `inpaint` may have a result of another rate.
   */
  readonly start: number
  /** x_t before the step, the network's input, as audio. Each call returns a new array. */
  input(): Float32Array
  /** The predicted noise ε = (x_t − √ᾱ·x̂_0)/√(1 − ᾱ), as audio. Each call returns a new array. */
  noise(): Float32Array
  /** x_t after the step, before any phase refinement, as audio. Each call returns a new array. */
  state(): Float32Array
  /**
   * x̂_0, the clean audio that the step predicted. Each call returns a new array. In the last step it equals the
   * sampler's result, except for DDPM's clamp to ±1 in models that have one.
   */
  clean(): Float32Array
}

/**
 * Refuses to keep the audio of all steps (three arrays per step, and the start) if it takes more than `maxBytes`.
 *
 * @param samples number of float32 samples in each array
 * @throws DiffWaveError `TOO_LARGE`
 */
export function checkStepBytes(samples: number, steps: number, maxBytes: number): void {
  const bytes = 4 * samples * (3 * steps + 1)
  if (bytes <= maxBytes) return
  throw new DiffWaveError('TOO_LARGE', 'the steps of the process take too much memory', {
    expected: `at most ${maxBytes / 2 ** 20} MiB`,
    got: `${Math.ceil(bytes / 2 ** 20)} MiB`,
    hint: 'Use fewer steps, or make shorter audio.',
  })
}

/**
 * Refuses a mel or a recording for the watched process of a model that has no use for it.
 *
 * @throws DiffWaveError `BAD_OPTION` for a generator
 */
export function checkTakesFile(kind: ModelConfig['kind'], model: string): void {
  if (kind === 'vocoder') return
  throw new DiffWaveError('BAD_OPTION', 'a generator takes no mel or recording', {
    expected: 'no file, or a vocoder',
    got: `the model ${model}`,
    where: 'model',
  })
}

/** Called after each reverse step. */
export type OnStep = Callback<SamplingStep>

/** What is needed to turn the data of a step into audio. */
interface Watched {
  readonly domain: DataDomain
  readonly sampler: Sampler
  readonly mel: Mel | null
  /** Length of the clip in samples. Data beyond it are cut off. */
  readonly length: number
  readonly clip?: number
  readonly start?: number
}

/** Wraps `onStep` in a callback for steps over data, which are decoded to audio on demand. */
export function watchSteps(onStep: OnStep, watched: Watched): Callback<WatchedStep> {
  const { domain, sampler, mel, length, clip = 0, start = 0 } = watched
  const audio = (data: Float32Array) => decodeWhole(domain, data, mel).slice(0, length)
  return ({ pass, input, state, clean }) => {
    const alphaBar = sampler.alphaBars[pass]!
    return onStep({
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

/** Wraps `onStep` for some of the clips of a call, of which `first` is the index of the first. */
export function watchFrom(onStep: OnStep, first: number): OnStep {
  return step => onStep({ ...step, clip: first + step.clip })
}
