/**
 * How noisy a recording is, and which noise level of the diffusion process that is. The noise of the quietest moments is taken for
 * that of all (minimum statistics: Martin 2001, “Noise power spectral density estimation”, in its simplest form).
 */
import { DiffWaveError } from '../errors.js'

/** Length of a moment, seconds: some periods of a voice, shorter than its pauses. */
const MOMENT = 0.032
/** Share of the moments that are taken to hold noise alone. */
const QUIET_SHARE = 0.1

/**
 * Root mean square of the noise: that of the moments which are louder than a tenth of all. Without pauses it is too high.
 *
 * @throws DiffWaveError `BAD_AUDIO` for a recording without samples
 */
export function estimateNoise(samples: Float32Array, sampleRate: number): number {
  if (samples.length === 0) throw new DiffWaveError('BAD_AUDIO', 'there are no samples')
  const length = Math.min(samples.length, Math.max(1, Math.round(MOMENT * sampleRate)))
  const powers: number[] = []
  for (let start = 0; start + length <= samples.length; start += Math.ceil(length / 2)) {
    let sum = 0
    for (let i = start; i < start + length; i++) sum += samples[i]! ** 2
    powers.push(sum / length)
  }
  powers.sort((a, b) => a - b)
  return Math.sqrt(powers[Math.floor(QUIET_SHARE * (powers.length - 1))]!)
}

/** Root mean square of the noise in a recording of a known signal-to-noise ratio, in dB. */
export function noiseOfRatio(samples: Float32Array, decibels: number): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return Math.sqrt(sum / samples.length / (1 + 10 ** (decibels / 10)))
}

/**
 * ᾱ at which the diffusion process is as noisy: a recording y = x_0 + s·z, scaled by √ᾱ, is x_t = √ᾱ·x_0 + √(1 − ᾱ)·z where
 * √ᾱ·s = √(1 − ᾱ), so ᾱ = 1/(1 + s²).
 *
 * @param noise s, root mean square
 */
export function alphaBarOfNoise(noise: number): number {
  return 1 / (1 + noise * noise)
}
