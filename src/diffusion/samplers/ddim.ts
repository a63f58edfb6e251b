/**
 * Denoising diffusion implicit models: Song, Meng & Ermon 2021, eq. 12, with σ by eq. 16:
 *
 *     x_{n−1} = √ᾱ_{n−1}·x̂_0 + √(1 − ᾱ_{n−1} − σ²)·ε + σ·z
 *     x̂_0 = (x_n − √(1 − ᾱ_n)·ε)/√ᾱ_n
 *     σ = η·√((1 − ᾱ_{n−1})/(1 − ᾱ_n))·√(1 − ᾱ_n/ᾱ_{n−1})
 *
 * η = 0 adds no noise; η = 1 is `ddpm` without its clamp.
 */
import type { SamplingSchedule } from '../schedule.js'
import { alphaBarBelow, levelOf, passLevels, passSteps, type Sampler } from './sampler.js'

interface DdimOptions {
  /** η, 0 … 1: the share of ancestral sampling's noise that is added. */
  readonly eta: number
}

export function ddim(schedule: SamplingSchedule, { eta }: DdimOptions): Sampler {
  const spread = (n: number) => {
    const [here, below] = [schedule.alphaBar[n]!, alphaBarBelow(schedule, n)]
    return eta * Math.sqrt((1 - below) / (1 - here)) * Math.sqrt(1 - here / below)
  }
  return {
    steps: passSteps(schedule),
    alphaBars: passLevels(schedule),
    needsNoise: pass => eta > 0 && levelOf(schedule, pass) > 0,
    spread: pass => spread(levelOf(schedule, pass)),
    update(pass, { x }, eps, noise) {
      const n = levelOf(schedule, pass)
      const here = schedule.alphaBar[n]!
      const below = alphaBarBelow(schedule, n)
      const sigma = spread(n)
      const fromX = Math.sqrt(below / here)
      const fromEps = Math.sqrt(Math.max(0, 1 - below - sigma * sigma)) - fromX * Math.sqrt(1 - here)
      const next = new Float32Array(x.length)
      for (let i = 0; i < x.length; i++) {
        const mean = fromX * x[i]! + fromEps * eps[i]!
        next[i] = noise === null ? mean : mean + sigma * noise[i]!
      }
      return { x: next, carried: null }
    },
  }
}
