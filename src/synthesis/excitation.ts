/** What an exported vocoder that starts from pulses needs besides the mel. */
import { checkSamples } from '../audio/check-audio.js'
import type { Mel } from '../audio/mel/convention.js'
import { checkMelFor } from '../audio/mel/mel.js'
import { MelPitch } from '../audio/mel/pitch.js'
import { DiffWaveError } from '../core/errors.js'
import { check } from '../core/options.js'
import { type ExcitationSignals, Exciter } from '../data-domain/excitation.js'
import { type ModelConfig, modelConfigSchema } from '../model/config.js'
import { harmonicsOf } from '../model/diffusion-config.js'

/** Inputs of an exported vocoder, each `[frames · hop]`; `noise` is row 0 of the input of that name. */
export type ExcitationInputs = ExcitationSignals

/**
 * The pulses and the noise that a vocoder starts from, from a mel and standard normal numbers.
 *
 * @param mel `[bands × frames]`, of the model's convention
 * @param white as many numbers as the mel has samples
 * @throws DiffWaveError `BAD_OPTION` if the model starts from noise alone; `BAD_CONFIG`, `BAD_MEL`, `MEL_RANGE`,
 * `BAD_AUDIO`
 * @example
 * const { config } = await Vocoder.load('speech')
 * const { noise, pulses, voicing } = excitation(config, mel, gaussian)
 */
export function excitation(config: ModelConfig, mel: Mel, white: Float32Array): ExcitationInputs {
  const { mel: convention, diffusion } = check(modelConfigSchema, config, 'excitation config', 'BAD_CONFIG')
  if (harmonicsOf(diffusion) === null || convention === null) {
    throw new DiffWaveError('BAD_OPTION', 'this model starts from noise alone', {
      expected: 'a model with diffusion.prior.harmonics',
      where: 'excitation config',
    })
  }
  checkMelFor(mel, convention, 'excitation mel')
  checkSamples(white, 'excitation white')
  const samples = mel.frames * convention.hop
  if (white.length !== samples) {
    throw new DiffWaveError('BAD_OPTION', 'the noise is not as long as the mel', {
      expected: `${samples} numbers`,
      got: String(white.length),
      where: 'excitation white',
    })
  }
  const exciter = new Exciter(convention.hop, convention.sampleRate)
  exciter.push(new MelPitch(convention).whole(mel), true)
  const { noise, pulses, voicing } = exciter.until(samples, 0, samples, (start, count) =>
    white.subarray(start, start + count),
  )
  return { noise, pulses, voicing }
}
