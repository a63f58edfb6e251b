/**
 * Imposes known samples on the reverse process: inpainting by replacement (Song et al. 2021, “Score-based generative modeling”,
 * section 5 and appendix I.2; Kong et al. 2021, appendix; RePaint's eq. 8, Lugmayr et al. 2022).
 *
 * A known sample starts as x_T = √ᾱ·x_0 + √(1 − ᾱ)·z, and in each pass its ε is not the network's but the one that was in fact
 * mixed in, (x_n − √ᾱ_n·x_0)/√(1 − ᾱ_n). So whatever the sampler, it takes the known part along a path of the forward process
 * read backwards (for ancestral sampling: q(x_{n−1}|x_n, x_0), Ho et al. 2020, eq. 6), noised as much as everything around it.
 * The last pass is left to the network, so that what it makes on both sides of an edge comes from one computation; the caller
 * puts the known samples back.
 */
import type { Guide } from '../diffusion/reverse.js'
import type { Sampler } from '../diffusion/samplers/sampler.js'

/**
 * @param known x_0, one number a sample of the clip (any number where it is not known)
 * @param isKnown 1 where x_0 is known, else 0, as long
 */
export function imposeKnown(known: Float32Array, isKnown: Uint8Array, sampler: Sampler): Guide {
  const last = sampler.steps.length - 1
  return {
    start(noise, from) {
      const alpha = Math.sqrt(sampler.alphaBars[0]!)
      const sigma = Math.sqrt(1 - sampler.alphaBars[0]!)
      return noise.map((z, i) => (isKnown[from + i] === 1 ? alpha * known[from + i]! + sigma * z : z))
    },
    epsilon(pass, x, eps, from) {
      if (pass === last) return eps
      const alpha = Math.sqrt(sampler.alphaBars[pass]!)
      const sigma = Math.sqrt(1 - sampler.alphaBars[pass]!)
      return eps.map((value, i) => (isKnown[from + i] === 1 ? (x[i]! - alpha * known[from + i]!) / sigma : value))
    },
  }
}
