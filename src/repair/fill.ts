/**
 * The reverse process with part of the audio known: inpainting by replacement (Song et al. 2021, “Score-based
 * generative modeling”, appendix I.2; Kong et al. 2021, last experiments; Lugmayr et al. 2022, “RePaint”, eq. 8).
 *
 * In each pass the network's clean prediction x̂_0 is changed to agree with the known audio, and the sampler continues
 * with the matching noise, ε = (x_n − √ᾱ_n·x̂_0)/√(1 − ᾱ_n). So with any sampler the known part follows the forward
 * process read backwards (for ancestral sampling q(x_{n−1}|x_n, x_0), Ho et al. 2020, eq. 6), noised as much as all
 * around it. The last pass is the network's alone, so that both sides of an edge come from one computation; the caller
 * puts the known samples back.
 *
 * The process starts from the prior's noise, even for models whose clips start from pulses. Pulses aligned with the
 * recording on both sides of a gap, their pitch interpolated over it, made no difference in 9 gaps of 100 ms of speech:
 * log-spectral distance 15.6 dB and error of periodicity 0.18 either way. Further rounds noise them away.
 */
import type { Mel } from '../audio/mel/convention.js'
import { readWhole } from '../audio/mel/feed.js'
import type { Callback } from '../core/callback.js'
import { type DataDomain, decodeWhole } from '../data-domain/data-domain.js'
import { diffuse } from '../diffusion/forward.js'
import { drawOfPass } from '../diffusion/noise.js'
import type { PassState } from '../diffusion/samplers/sampler.js'
import { type ReverseSteps, reverseStep, type WatchedStep } from '../diffusion/step.js'

/** The sampler may visit each noise level several times (`resampled`). */
interface FillRequest extends ReverseSteps {
  readonly domain: DataDomain
  /** Mel of the region, for models with one. */
  readonly mel: Mel | null
  readonly known: KnownAudio
  /** Standard normal numbers of a draw, one per sample, with the draws of `NoiseSource`. */
  readonly noise: (draw: number) => Float32Array
  /** Returns the network's output for x in a pass. */
  readonly predict: (pass: number, x: Float32Array) => Promise<Float32Array>
  readonly onStep?: Callback<WatchedStep> | undefined
}

/** A region of a recording with gaps in it. */
export interface KnownAudio {
  /** Samples of the recording. The gaps may hold anything. */
  readonly samples: Float32Array
  /** Weight of each sample: 1 if it is known, 0 in a gap, between 0 and 1 in a transition. */
  readonly weight: Float32Array
}

/** Runs the process. @returns audio as long as `known`, all of it made by the model */
export async function fill(request: FillRequest): Promise<Float32Array> {
  const { sampler, domain, mel, known, predict, onStep } = request
  const shape = domain.noise(mel === null ? null : readWhole(mel))
  const noise = (draw: number) => {
    const white = request.noise(draw)
    return shape((start, count) => white.subarray(start, start + count), 0, white.length)
  }
  const agree = (clean: Float32Array) => agreeing(domain, mel, clean, known)
  const passes = sampler.steps.length
  const x0 = agree(new Float32Array(known.samples.length))
  let state: PassState = { x: diffuse(x0, noise(0), sampler.alphaBars[0]!), carried: null }
  for (let pass = 0; pass < passes; pass++) {
    const output = await predict(pass, state.x)
    const draw = drawOfPass(sampler, pass)
    const z = draw === null ? null : noise(draw)
    const constrain = pass < passes - 1 ? agree : undefined
    const step = reverseStep(request, { pass, state, output, noise: z, constrain })
    const input = state.x
    state = step.state
    await onStep?.({ pass, input, state: state.x, clean: step.clean })
  }
  return decodeWhole(domain, state.x, mel)
}

/**
 * Changes predicted data y so that they decode to the recording where that is known: y + M⁻¹(known − M·y), with the
 * difference weighted by `weight`. M is the decoder from data to audio. If the data are the waveform times a constant,
 * known samples simply replace the predicted ones.
 */
export function agreeing(
  domain: DataDomain,
  mel: Mel | null,
  data: Float32Array,
  { samples, weight }: KnownAudio,
): Float32Array {
  const audio = decodeWhole(domain, data, mel)
  const missing = domain.encode(
    audio.map((x, i) => (weight[i]! > 0 ? weight[i]! * (samples[i]! - x) : 0)),
    mel,
  )
  const max = domain.maxAbs
  return data.map((y, i) => Math.max(-max, Math.min(max, y + missing[i]!)))
}
