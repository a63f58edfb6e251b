/**
 * How noisy a recording is, and which noise level of the diffusion process matches it. The noise is assumed to be the
 * same throughout as in the quietest moments (minimum statistics: Martin 2001, “Noise power spectral density
 * estimation”, in its simplest form).
 */
import { checkNotEmpty } from '../audio/check-audio.js'
import { FrameTransform } from '../audio/transforms/stft.js'

/** Length of a moment in seconds: several periods of a voice, shorter than its pauses. */
const MOMENT = 0.032
/** Share of the moments that are assumed to hold noise alone. */
const QUIET_SHARE = 0.1

/** Number of bins to average before the logarithm: the power of a single bin varies too much. */
const BINS_AT_ONCE = 8

/**
 * Root mean square of white noise with the mean log power spectrum of the recording's quiet moments, at the power that
 * a tenth of all moments stay below. For white noise this is its own level; for coloured noise, such as babble, the
 * part that the process can remove as white: its power times its spectral flatness (Gray & Markel 1974). Too high for
 * recordings without pauses.
 *
 * @throws DiffWaveError `BAD_AUDIO` for a recording without samples
 */
export function estimateNoise(samples: Float32Array, sampleRate: number): number {
  checkNotEmpty(samples, 'the recording')
  const length = Math.min(samples.length, 2 ** Math.round(Math.log2(MOMENT * sampleRate)))
  const moments: { readonly start: number; readonly power: number }[] = []
  for (let start = 0; start + length <= samples.length; start += Math.ceil(length / 2)) {
    let sum = 0
    for (let i = start; i < start + length; i++) sum += samples[i]! ** 2
    moments.push({ start, power: sum / length })
  }
  moments.sort((a, b) => a.power - b.power)
  const last = Math.floor(QUIET_SHARE * (moments.length - 1))
  const quiet = moments.slice(0, last + 1).map(moment => moment.start)
  return Math.sqrt(moments[last]!.power * flatness(samples, quiet, length))
}

/**
 * Spectral flatness of some moments, 0 to 1: geometric over arithmetic mean of their power spectrum; 1 if they are too
 * short.
 */
function flatness(samples: Float32Array, starts: readonly number[], length: number): number {
  if (length < 8 * BINS_AT_ONCE || !Number.isInteger(Math.log2(length))) return 1
  const transform = new FrameTransform({ fftSize: length, windowLength: length, hop: length })
  const power = new Float64Array(Math.floor((transform.bins - 1) / BINS_AT_ONCE))
  for (const start of starts) {
    const spectrum = transform.forward(samples, start)
    power.forEach((_, group) => {
      for (let bin = 1 + group * BINS_AT_ONCE; bin <= (group + 1) * BINS_AT_ONCE; bin++) {
        power[group]! += spectrum[2 * bin]! ** 2 + spectrum[2 * bin + 1]! ** 2
      }
    })
  }
  const arithmetic = power.reduce((sum, p) => sum + p, 0) / power.length
  if (arithmetic === 0) return 1
  // Digital silence in one band would make the geometric mean zero.
  const logarithms = power.reduce((sum, p) => sum + Math.log(Math.max(p, 1e-9 * arithmetic)), 0)
  return Math.exp(logarithms / power.length) / arithmetic
}

/** Root mean square of the noise in a recording of a known signal-to-noise ratio, in dB. */
export function noiseOfRatio(samples: Float32Array, decibels: number): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return Math.sqrt(sum / samples.length / (1 + 10 ** (decibels / 10)))
}

/**
 * ᾱ of the noise level that matches noise of root mean square s. A recording y = x_0 + s·z, scaled by √ᾱ, equals x_t =
 * √ᾱ·x_0 + √(1 − ᾱ)·z if √ᾱ·s = √(1 − ᾱ), so ᾱ = 1/(1 + s²).
 *
 * @param noise s, root mean square
 */
export function alphaBarOfNoise(noise: number): number {
  return 1 / (1 + noise * noise)
}
