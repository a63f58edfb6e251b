// What inpainting, denoising and interpolation are measured by, and the small things their benches share.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readAudio } from '../dist/audio/codecs/decode.js'
import { resample } from '../dist/audio/resample.js'
import { gaussian } from '../dist/core/random.js'
import { spectrogram } from '../dist/evaluation/spectrogram.js'

/** Options of a bench: `--name value`, with their defaults as text. */
export function options(defaults) {
  const { values } = parseArgs({
    options: Object.fromEntries(
      Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }]),
    ),
  })
  return values
}

/** Recordings below a folder, by name. */
export function recordings(folder) {
  return readdirSync(folder, { recursive: true })
    .filter(file => /\.(wav|flac)$/.test(file))
    .sort()
    .map(file => join(folder, file))
}

/** A recording's samples at a rate. */
export async function samplesOf(path, sampleRate) {
  const audio = await readAudio(path)
  return resample(audio.samples, audio.sampleRate, sampleRate)
}

/**
 * Log-spectral distance in dB: root over bins of the mean squared difference of 20 log10 magnitude, averaged over frames of `size`
 * samples a quarter apart. Magnitudes more than 100 dB below the loudest of the original count as that.
 */
export function logSpectralDistance(original, made, sampleRate, size) {
  const a = spectrogram(original, sampleRate, size, sampleRate / 2)
  const b = spectrogram(made, sampleRate, size, sampleRate / 2)
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
 * A click: the largest second difference of `made` within `reach` samples of an edge, against the largest that `made` takes
 * anywhere else within 20 ms, in dB. Well above 0: a step that stands out from what sounds on both sides.
 */
export function click(made, edge, reach, sampleRate) {
  const sharpest = (from, to) => {
    let most = 1e-7
    for (let i = Math.max(1, from); i < Math.min(made.length - 1, to); i++) {
      most = Math.max(most, Math.abs(made[i + 1] - 2 * made[i] + made[i - 1]))
    }
    return most
  }
  const around = Math.round(0.02 * sampleRate)
  const elsewhere = Math.max(sharpest(edge - around, edge - reach), sharpest(edge + reach, edge + around))
  return 20 * Math.log10(sharpest(edge - reach, edge + reach) / elsewhere)
}

export const rootMeanSquare = samples => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)

export const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length

export const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

/** A clip with noise added at a signal-to-noise ratio in dB. */
export function addNoise(clean, noise, decibels) {
  const gain = rootMeanSquare(clean) / rootMeanSquare(noise) / 10 ** (decibels / 20)
  return clean.map((x, i) => x + gain * noise[i])
}

export const whiteNoise = (length, seed) => gaussian(seed, 0, 0, length)

/** Babble: voices laid over one another, each repeated from a place of its own. */
export function babble(voices, length, seed) {
  const places = gaussian(seed, 1, 0, voices.length)
  const out = new Float32Array(length)
  voices.forEach((voice, v) => {
    const level = rootMeanSquare(voice)
    const start = Math.floor(Math.abs(places[v]) * voice.length)
    for (let i = 0; i < length; i++) out[i] += voice[(start + i) % voice.length] / level
  })
  return out
}
