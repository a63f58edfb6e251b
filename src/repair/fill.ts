/**
 * The reverse process with part of the audio known: inpainting by replacement (Song et al. 2021, “Score-based generative
 * modeling”, appendix I.2; Kong et al. 2021, last experiments; Lugmayr et al. 2022, “RePaint”, eq. 8).
 *
 * In each pass the network's clean prediction x̂_0 is made to agree with what is known, and the sampler goes on with the ε that
 * this leaves, (x_n − √ᾱ_n·x̂_0)/√(1 − ᾱ_n). So whatever the sampler, the known part goes the way of the forward process read
 * backwards (for ancestral sampling q(x_{n−1}|x_n, x_0), Ho et al. 2020, eq. 6), noised as much as all around it. The last pass is
 * the network's alone, so that both sides of an edge come from one computation; the caller puts the known samples back.
 */
import type { DataDomain } from '../data-domain/data-domain.js'
import type { PassState, Sampler } from '../diffusion/samplers/sampler.js'

export interface FillRequest {
  /** Which may go over each level several times (`resampled`). */
  readonly sampler: Sampler
  readonly domain: DataDomain
  /** The recording, any number where it is not known, and how far it is: from 0 to 1. */
  readonly known: Float32Array
  readonly weight: Float32Array
  /** Standard normal numbers of a draw, as many as `known`. Draws are those of `NoiseSource`. */
  readonly noise: (draw: number) => Float32Array
  /** The network's ε for x, at a pass. */
  readonly predict: (pass: number, x: Float32Array) => Promise<Float32Array>
}

/** Audio, as long as `known`: what the model makes of all of it. */
export async function fill(request: FillRequest): Promise<Float32Array> {
  const { sampler, domain, known, weight, predict } = request
  const noise = (draw: number) => domain.shape(request.noise(draw))
  const passes = sampler.steps.length
  const [alpha, sigma] = roots(sampler.alphaBars[0]!)
  const nothing = new Float32Array(known.length)
  const x0 = agreeing(domain, nothing, known, weight)
  let state: PassState = { x: noise(0).map((z, i) => alpha * x0[i]! + sigma * z), carried: null }
  for (let pass = 0; pass < passes; pass++) {
    let eps = await predict(pass, state.x)
    if (pass < passes - 1) eps = corrected(sampler.alphaBars[pass]!, state.x, eps)
    state = sampler.update(pass, state, eps, sampler.needsNoise(pass) ? noise(passes - 1 - pass) : null)
  }
  return domain.toAudio(state.x)

  function corrected(alphaBar: number, x: Float32Array, eps: Float32Array): Float32Array {
    const [alpha, sigma] = roots(alphaBar)
    const data = agreeing(
      domain,
      x.map((value, i) => (value - sigma * eps[i]!) / alpha),
      known,
      weight,
    )
    return x.map((value, i) => (value - alpha * data[i]!) / sigma)
  }
}

function roots(alphaBar: number): readonly [number, number] {
  return [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)]
}

/**
 * The clean data nearest to `data` that sounds as the recording does where that is known: y + M⁻¹(known − M·y), the difference
 * taken as far as it is known. Without an envelope this puts the known samples in the place of the predicted.
 *
 * @param known the recording, any number where it is not known
 * @param weight 1 where it is known, 0 where it is not, between them where the one becomes the other
 */
export function agreeing(
  domain: DataDomain,
  data: Float32Array,
  known: Float32Array,
  weight: Float32Array,
): Float32Array {
  const audio = domain.toAudio(data)
  const missing = domain.fromAudio(audio.map((x, i) => (weight[i]! > 0 ? weight[i]! * (known[i]! - x) : 0)))
  const most = domain.most
  return data.map((y, i) => Math.max(-most, Math.min(most, y + missing[i]!)))
}
