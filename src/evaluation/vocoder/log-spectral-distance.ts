/**
 * Log-spectral distance in dB (Gray & Markel 1976): the root over bins of the mean squared difference of 20 log10
 * magnitude, averaged over frames. All bins count, also those above the mel's range.
 */
import { spectrogram } from '../spectrogram.js'

const WINDOW = 2048

/** @param a @param b of the same length @param sampleRate in Hz, of both */
export function logSpectralDistance(a: Float32Array, b: Float32Array, sampleRate: number): number {
  const first = spectrogram(a, sampleRate, WINDOW, sampleRate / 2)
  const second = spectrogram(b, sampleRate, WINDOW, sampleRate / 2).data
  let sum = 0
  for (let frame = 0; frame < first.frames; frame++) {
    let squares = 0
    for (let i = frame * first.bins; i < (frame + 1) * first.bins; i++) {
      squares += (20 * Math.log10(first.data[i]! / second[i]!)) ** 2
    }
    sum += Math.sqrt(squares / first.bins)
  }
  return sum / first.frames
}
