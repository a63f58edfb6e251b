/** Metrics and noise of the repair benchmarks. */
import { gaussian } from '../../dist/core/random.js'
import { spectrogram } from '../../dist/evaluation/spectrogram.js'

/**
 * Log-spectral distance in dB: the root mean square over bins of the difference of 20·log10 magnitude, averaged over
 * frames of `size` samples with a hop of a quarter. Magnitudes are floored at 100 dB below the loudest of the original.
 */
export function logSpectralDistance(original, other, sampleRate, size) {
  const a = spectrogram(original, sampleRate, size, sampleRate / 2)
  const b = spectrogram(other, sampleRate, size, sampleRate / 2)
  const floor = 1e-5 * a.data.reduce((x, y) => Math.max(x, y), 0)
  let sum = 0
  for (let frame = 0; frame < a.frames; frame++) {
    let squares = 0
    for (let bin = 0; bin < a.bins; bin++) {
      const at = frame * a.bins + bin
      squares += (20 * Math.log10(Math.max(floor, a.data[at]) / Math.max(floor, b.data[at]))) ** 2
    }
    sum += Math.sqrt(squares / a.bins)
  }
  return sum / a.frames
}

/**
 * The sharpness of an edge in dB: the largest second difference within `reach` samples, divided by the largest anywhere
 * else within 20 ms. An edge well above 0 dB stands out from the sound on both sides and is heard as a click.
 */
export function edgeSharpness(samples, edge, reach, sampleRate) {
  const sharpest = (from, to) => {
    let max = 1e-7
    for (let i = Math.max(1, from); i < Math.min(samples.length - 1, to); i++) {
      max = Math.max(max, Math.abs(samples[i + 1] - 2 * samples[i] + samples[i - 1]))
    }
    return max
  }
  const around = Math.round(0.02 * sampleRate)
  const elsewhere = Math.max(sharpest(edge - around, edge - reach), sharpest(edge + reach, edge + around))
  return 20 * Math.log10(sharpest(edge - reach, edge + reach) / elsewhere)
}

export const rootMeanSquare = samples => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)

export const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length

export const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

/** Adds noise to a clip at a signal-to-noise ratio in dB. */
export function addNoise(clean, noise, decibels) {
  const gain = rootMeanSquare(clean) / rootMeanSquare(noise) / 10 ** (decibels / 20)
  return clean.map((x, i) => x + gain * noise[i])
}

export const whiteNoise = (length, seed) => gaussian(seed, 0, 0, length)

/** Makes babble: the sum of several voices at equal level, each looped from a random position. */
export function babble(voices, length, seed) {
  const positions = gaussian(seed, 1, 0, voices.length)
  const sum = new Float32Array(length)
  voices.forEach((voice, v) => {
    const level = rootMeanSquare(voice)
    const start = Math.floor(Math.abs(positions[v]) * voice.length)
    for (let i = 0; i < length; i++) sum[i] += voice[(start + i) % voice.length] / level
  })
  return sum
}
