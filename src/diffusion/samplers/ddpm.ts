/**
 * Ancestral sampling: Ho et al. 2020, algorithm 2, with the variance σ² = β̃ of section 3.2, as lmnt-com/diffwave
 * `inference.py` writes it (Kong et al. 2021, algorithm 2):
 *
 *     x ← (x − β/√(1 − ᾱ_n)·ε)/√α_n
 *     x ← x + √((1 − ᾱ_{n−1})/(1 − ᾱ_n)·β_n)·z   for n > 0
 *
 * lmnt's sampler then clamps x to ±1. If x̂_0 is given, the first line is computed by Ho et al.'s eq. 7 instead, which
 * gives the same result without a division by √α_n, which may be small:
 *
 *     x ← (√ᾱ_{n−1}·β_n·x̂_0 + √α_n·(1 − ᾱ_{n−1})·x)/(1 − ᾱ_n)
 */
import type { SamplingSchedule } from '../schedule.js'
import { alphaBarBelow, levelOf, passLevels, passSteps, type Sampler } from './sampler.js'

interface DdpmOptions {
  /** Whether to clamp x to ±1 after every pass. */
  readonly clamp: boolean
}

export function ddpm(schedule: SamplingSchedule, { clamp }: DdpmOptions): Sampler {
  const { alpha, alphaBar, beta } = schedule
  const deviationAt = (n: number) => (n === 0 ? 0 : Math.sqrt(((1 - alphaBar[n - 1]!) / (1 - alphaBar[n]!)) * beta[n]!))
  return {
    steps: passSteps(schedule),
    alphaBars: passLevels(schedule),
    needsNoise: pass => levelOf(schedule, pass) > 0,
    noiseDeviation: pass => deviationAt(levelOf(schedule, pass)),
    update(pass, { x }, { epsilon, noise = null, clean = null }) {
      const n = levelOf(schedule, pass)
      const scale = 1 / Math.sqrt(alpha[n]!)
      const weight = beta[n]! / Math.sqrt(1 - alphaBar[n]!)
      const below = alphaBarBelow(schedule, n)
      const fromClean = (Math.sqrt(below) * beta[n]!) / (1 - alphaBar[n]!)
      const fromX = (Math.sqrt(alpha[n]!) * (1 - below)) / (1 - alphaBar[n]!)
      const deviation = deviationAt(n)
      const bound = clamp ? 1 : Number.POSITIVE_INFINITY
      const next = new Float32Array(x.length)
      for (let i = 0; i < x.length; i++) {
        const mean = clean === null ? scale * (x[i]! - weight * epsilon[i]!) : fromClean * clean[i]! + fromX * x[i]!
        const value = noise === null ? mean : mean + deviation * noise[i]!
        next[i] = Math.min(Math.max(value, -bound), bound)
      }
      return { x: next, carried: null }
    },
  }
}
