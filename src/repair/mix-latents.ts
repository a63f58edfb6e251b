/**
 * Mixes two recordings at a noise level (Ho et al. 2020, section 4.3, “Interpolation”; Kong et al. 2021, last
 * experiments). The signals are mixed linearly: (1 − λ)·a + λ·b. The noise is mixed in the same way and scaled back to
 * variance 1; without the scaling it would be too weak for its noise level.
 */
import type { DataReader } from '../data-domain/data-domain.js'
import type { ReverseRequest } from '../diffusion/reverse.js'

/**
 * @param a,b the data of the two recordings, of the same length
 * @param alphaBar ᾱ of the level
 * @param mix λ: 0 is `a`, 1 is `b`
 * @param noiseOfB standard normal numbers for `b`, from sample `start` on; those of `a` are the process's own
 */
export function mixLatents(
  a: DataReader,
  b: DataReader,
  alphaBar: number,
  mix: number,
  noiseOfB: (start: number, count: number) => Float32Array,
): NonNullable<ReverseRequest['start']> {
  const alpha = Math.sqrt(alphaBar)
  const sigma = Math.sqrt(1 - alphaBar) / Math.hypot(1 - mix, mix)
  return (noise, from) => {
    const [ofA, ofB] = [a(from, noise.length), b(from, noise.length)]
    const other = noiseOfB(from, noise.length)
    return noise.map((z, i) => {
      const signal = (1 - mix) * (ofA[i] ?? 0) + mix * (ofB[i] ?? 0)
      return alpha * signal + sigma * ((1 - mix) * z + mix * other[i]!)
    })
  }
}
