/** Relaxation of phase refinement and of the correction towards a mel: how far past the mel bins are moved. */
import { z } from 'zod'

/** Bins are moved to the mel, not past it. */
export const DEFAULT_RELAXATION = 1

/** Schema of a relaxation: 1 is to the mel, more is past it. From 2 on, iterations may not converge. */
export const relaxationSchema = z.number().min(1).lt(2).default(DEFAULT_RELAXATION)

/** Bounds of the factor by which relaxation changes the ratio of a bin. */
export const LEAST_RELAXATION_FACTOR = 0.5
export const MOST_RELAXATION_FACTOR = 2

/** The factor by which relaxation changes the ratio of a bin; 1 if the ratio or the relaxation is 1. */
export function relaxationFactor(ratio: number, relaxation: number): number {
  return Math.min(MOST_RELAXATION_FACTOR, Math.max(LEAST_RELAXATION_FACTOR, 1 + (relaxation - 1) * (ratio - 1)))
}

/** The derivative of ratio · `relaxationFactor` by the ratio. A factor at its bounds is constant. */
export function relaxationSlope(ratio: number, relaxation: number): number {
  const factor = relaxationFactor(ratio, relaxation)
  const isBounded = factor <= LEAST_RELAXATION_FACTOR || factor >= MOST_RELAXATION_FACTOR
  return isBounded ? factor : factor + ratio * (relaxation - 1)
}
