/**
 * Denoising diffusion implicit models: Song, Meng & Ermon 2021, eq. 12, with σ by eq. 16:
 *
 *     x_{n−1} = √ᾱ_{n−1}·x̂_0 + √(1 − ᾱ_{n−1} − σ²)·ε + σ·z
 *     x̂_0 = (x_n − √(1 − ᾱ_n)·ε)/√ᾱ_n
 *     σ = η·√((1 − ᾱ_{n−1})/(1 − ᾱ_n))·√(1 − ᾱ_n/ᾱ_{n−1})
 *
 * η = 0 adds no noise, and η = 1 is `ddpm` without its clamp. The term with ε is also multiplied by the noise scale,
 * which is 1 in the paper.
 */
import type { SamplingSchedule } from '../schedule.js'
import { alphaBarBelow, levelOf, passLevels, passSteps, type Sampler } from './sampler.js'

interface DdimOptions {
  /** η, 0 to 1: the share of ancestral sampling's noise that is added. */
  readonly eta: number
  /** Share of ε that is carried to the next level, 0 to 1. Default: 1. */
  readonly noiseScale?: number
}

export function ddim(schedule: SamplingSchedule, { eta, noiseScale = 1 }: DdimOptions): Sampler {
  const deviationAt = (n: number) => {
    const [here, below] = [schedule.alphaBar[n]!, alphaBarBelow(schedule, n)]
    return eta * Math.sqrt((1 - below) / (1 - here)) * Math.sqrt(1 - here / below)
  }
  return {
    steps: passSteps(schedule),
    alphaBars: passLevels(schedule),
    needsNoise: pass => eta > 0 && levelOf(schedule, pass) > 0,
    noiseDeviation: pass => deviationAt(levelOf(schedule, pass)),
    update(pass, { x }, { epsilon, noise = null, clean = null }) {
      const n = levelOf(schedule, pass)
      const here = schedule.alphaBar[n]!
      const below = alphaBarBelow(schedule, n)
      const sigma = deviationAt(n)
      const carried = noiseScale * Math.sqrt(Math.max(0, 1 - below - sigma * sigma))
      const fromX = clean === null ? Math.sqrt(below / here) : Math.sqrt(below)
      const fromEpsilon = clean === null ? carried - fromX * Math.sqrt(1 - here) : carried
      const base = clean ?? x
      const next = new Float32Array(x.length)
      for (let i = 0; i < x.length; i++) {
        const mean = fromX * base[i]! + fromEpsilon * epsilon[i]!
        next[i] = noise === null ? mean : mean + sigma * noise[i]!
      }
      return { x: next, carried: null }
    },
  }
}
