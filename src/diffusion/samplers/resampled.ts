/**
 * Resampling as in RePaint (Lugmayr et al. 2022, algorithm 1): each noise level is visited several times. After each
 * pass except the last one at a level, the result is noised again (their eq. 1 over one step of the sampling schedule),
 *
 *     x_n = √a·x_{n−1} + √(1 − a)·z   with a = ᾱ_n/ᾱ_{n−1}
 *
 * so that generated and known data can adapt to each other. The noise that the pass would add and the noise of going
 * back are both normal, so they are drawn as one. A multistep sampler starts afresh each time, since what it carried
 * belongs to other data.
 */
import { alphaBarAfter, type Sampler } from './sampler.js'

/** @param rounds number of passes per level, at least 1 */
export function resampled(sampler: Sampler, rounds: number): Sampler {
  if (rounds === 1) return sampler
  const inner = (pass: number) => Math.floor(pass / rounds)
  const goesBack = (pass: number) => pass % rounds < rounds - 1
  const repeat = (numbers: readonly number[]) => numbers.flatMap(value => Array<number>(rounds).fill(value))
  const back = (pass: number) => sampler.alphaBars[inner(pass)]! / alphaBarAfter(sampler, inner(pass))
  const noiseDeviation = (pass: number) => {
    const own = sampler.noiseDeviation(inner(pass))
    return goesBack(pass) ? Math.sqrt(back(pass) * own * own + 1 - back(pass)) : own
  }
  return {
    steps: repeat(sampler.steps),
    alphaBars: repeat(sampler.alphaBars),
    needsNoise: pass => goesBack(pass) || sampler.needsNoise(inner(pass)),
    noiseDeviation,
    update(pass, state, input) {
      if (!goesBack(pass)) return sampler.update(inner(pass), state, input)
      const { x } = sampler.update(inner(pass), state, { ...input, noise: null })
      const [scale, deviation] = [Math.sqrt(back(pass)), noiseDeviation(pass)]
      return { x: x.map((value, i) => scale * value + deviation * input.noise![i]!), carried: null }
    },
  }
}
