/**
 * Log-mel distance: mean |Δ| between the `tacotron2` mels (natural logarithm) of two recordings, whatever the model's
 * convention.
 */
import type { Mel } from '../../audio/mel/convention.js'

/** @param a `[bands × frames]` @param b of the same shape */
export function logMelDistance(a: Mel, b: Mel): number {
  let sum = 0
  for (let i = 0; i < a.data.length; i++) sum += Math.abs(a.data[i]! - b.data[i]!)
  return sum / a.data.length
}
