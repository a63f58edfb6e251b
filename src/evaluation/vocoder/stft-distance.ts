/**
 * Multi-resolution STFT distance (Yamamoto, Song & Kim 2020, equations 3 to 5): spectral convergence ‖A − B‖/‖A‖ plus
 * mean |ln A − ln B|, averaged over three windows. Bins up to 8 kHz, the range of the usual mels.
 */
import { spectrogram } from '../spectrogram.js'

/** Windows in samples; the hop is a quarter. */
const WINDOWS = [512, 1024, 2048] as const
/** Hz. */
const MAX_FREQUENCY = 8000

/** @param original @param made of the same length @param sampleRate in Hz, of both */
export function stftDistance(original: Float32Array, made: Float32Array, sampleRate: number): number {
  let total = 0
  for (const size of WINDOWS) {
    const a = spectrogram(original, sampleRate, size, MAX_FREQUENCY).data
    const b = spectrogram(made, sampleRate, size, MAX_FREQUENCY).data
    let [difference, norm, logarithms] = [0, 0, 0]
    for (let i = 0; i < a.length; i++) {
      difference += (a[i]! - b[i]!) ** 2
      norm += a[i]! ** 2
      logarithms += Math.abs(Math.log(a[i]! / b[i]!))
    }
    total += Math.sqrt(difference / norm) + logarithms / a.length
  }
  return total / WINDOWS.length
}
