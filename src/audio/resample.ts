/** Change of sample rate. */
import { z } from 'zod'
import { convertRate } from '#platform/audio/rate-converter'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { abortSignal, check, type FieldsOf } from '../core/options.js'
import type { Audio } from './audio.js'
import { checkAudio, checkSampleRate, checkSamples } from './check-audio.js'

/** Options of `resample`. */
export interface ResampleOptions {
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
}

const optionsSchema = z.strictObject({ signal: abortSignal.optional() } satisfies FieldsOf<ResampleOptions>)

/**
 * Changes the sample rate of audio, without delay. Aliases and images stay below −120 dB.
 *
 * @param audio any number of samples, taken as they are when the call begins
 * @param sampleRate new rate in Hz. The two rates may differ by a factor of at most 256
 * @returns new audio of `round(audio.samples.length × sampleRate / audio.sampleRate)` samples
 * @throws DiffWaveError `BAD_AUDIO`, `BAD_OPTION`, `NOT_FINITE`, `ABORTED`
 * @example
 * const audio = await resample(await readAudio('recording.wav'), 22_050)
 */
export async function resample(audio: Audio, sampleRate: number, options: ResampleOptions = {}): Promise<Audio> {
  const { signal } = check(optionsSchema, options, 'resample options')
  throwIfAborted(signal)
  checkAudio(audio, 'resample audio')
  checkSamples(audio.samples, 'resample audio')
  checkSampleRate(sampleRate, 'resample sampleRate', 'BAD_OPTION')
  const { samples, sampleRate: from } = audio
  if (sampleRate / from > 256 || from / sampleRate > 256) {
    throw new DiffWaveError('BAD_OPTION', 'the sample rates are too far apart', {
      expected: 'a factor of 256 at most',
      got: `${from} Hz and ${sampleRate} Hz`,
      where: 'resample',
    })
  }
  // The conversion reads them chunk by chunk, and the caller may write to its array meanwhile.
  const own = samples.slice()
  return { samples: from === sampleRate ? own : await convertRate(own, from, sampleRate, signal), sampleRate }
}
