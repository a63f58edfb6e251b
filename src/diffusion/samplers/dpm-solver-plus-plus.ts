/**
 * DPM-Solver++(2M): Lu et al. 2022, “DPM-Solver++”, algorithm 2: second order, multistep, on the data prediction
 * D = (x − σ·ε)/α, with α = √ᾱ, σ = √(1 − ᾱ), λ = ln(α/σ), h = λ_next − λ, r = h_before/h:
 *
 *     x_next = (σ_next/σ)·x − α_next·(e^{−h} − 1)·((1 + 1/2r)·D − 1/2r·D_before)
 *
 * Three kinds of passes are of first order: the first pass, which has no D_before; a pass after one that stayed at its
 * level, where h_before is 0; and the last pass, to clean data, where h is infinite and x_next = D.
 */
import { logSnr, type SamplingSchedule } from '../schedule.js'
import { alphaBarBelow, levelOf, passLevels, passSteps, type Sampler } from './sampler.js'

export function dpmSolverPlusPlus(schedule: SamplingSchedule): Sampler {
  const lambda = (alphaBar: number) => 0.5 * logSnr(alphaBar)
  return {
    steps: passSteps(schedule),
    alphaBars: passLevels(schedule),
    needsNoise: () => false,
    noiseDeviation: () => 0,
    update(pass, { x, carried }, { epsilon, clean = null }) {
      const n = levelOf(schedule, pass)
      const here = schedule.alphaBar[n]!
      const next = alphaBarBelow(schedule, n)
      const [alpha, sigma] = [Math.sqrt(here), Math.sqrt(1 - here)]
      // A copy, because the caller may reuse its arrays.
      const data = clean?.slice() ?? x.map((value, i) => (value - sigma * epsilon[i]!) / alpha)
      if (n === 0) return { x: data, carried: null }

      const h = lambda(next) - lambda(here)
      const fromX = Math.sqrt(1 - next) / sigma
      const fromData = -Math.sqrt(next) * Math.expm1(-h)
      const before = carried === null ? 0 : lambda(here) - lambda(schedule.alphaBar[n + 1]!)
      if (carried === null || before === 0) {
        return { x: x.map((value, i) => fromX * value + fromData * data[i]!), carried: data }
      }
      const half = h / (2 * before)
      return {
        x: x.map((value, i) => fromX * value + fromData * ((1 + half) * data[i]! - half * carried[i]!)),
        carried: data,
      }
    },
  }
}
