/** The forward process on a recording: x_t at one diffusion step, to see and hear. */
import type { Audio } from '../audio/audio.js'
import { readWhole } from '../audio/mel/feed.js'
import { melSpectrogram } from '../audio/mel/mel.js'
import { decodeWhole } from '../data-domain/data-domain.js'
import { domainOf } from '../data-domain/domain-of.js'
import { diffuse } from '../diffusion/forward.js'
import { seededNoise } from '../diffusion/noise.js'
import { alphaBarAt, noiseSchedule } from '../diffusion/schedule.js'
import type { ModelConfig } from '../model/config.js'

export interface Noised {
  readonly samples: Float32Array
  /** Sample rate in Hz. */
  readonly sampleRate: number
  /** ᾱ_t. */
  readonly alphaBar: number
  /** Signal-to-noise ratio in dB; −Infinity for a silent recording. */
  readonly snr: number
}

/**
 * Adds the model's noise, drawn with a seed, to a recording: x_t = √ᾱ·x_0 + √(1 − ᾱ)·ε.
 *
 * @param recording at the model's rate
 * @param t step of the training schedule, fractional allowed
 * @throws DiffWaveError `BAD_SCHEDULE` if t lies outside the training schedule
 */
export function noised(
  { samples, sampleRate }: Audio,
  config: ModelConfig,
  { t, seed }: { readonly t: number; readonly seed: number },
): Noised {
  const alphaBar = alphaBarAt(noiseSchedule(config.diffusion.training), t)
  const domain = domainOf(config)
  const mel = config.mel === null ? null : melSpectrogram({ samples, sampleRate }, config.mel)
  const data = domain.encode(samples, mel)
  const white = seededNoise(seed)
  const shape = domain.noise(mel === null ? null : readWhole(mel))
  const noise = shape((start, count) => white(0, start, count), 0, data.length)
  const audio = (x: Float32Array) => decodeWhole(domain, x, mel).slice(0, samples.length)
  const power = (x: Float32Array) => x.reduce((sum, value) => sum + value * value, 0)
  const ratio = (alphaBar * power(samples)) / ((1 - alphaBar) * power(audio(noise)))
  return { samples: audio(diffuse(data, noise, alphaBar)), sampleRate, alphaBar, snr: 10 * Math.log10(ratio) }
}
