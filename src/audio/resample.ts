/** Change of sample rate. */
import { convertRate } from '#platform/audio/rate-converter'
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import { checkSampleRate, checkSamples } from './check-audio.js'

/**
 * `samples` at another rate, `round(length × to / from)` of them, without delay (aliases and images below −120 dB).
 *
 * @param from rate of the samples, Hz
 * @param to rate wanted, Hz; the two within a factor of 256, libsamplerate's bound
 * @throws DiffWaveError `BAD_OPTION`, `NOT_FINITE`
 */
export async function resample(samples: Float32Array, from: number, to: number): Promise<Float32Array> {
  if (!(samples instanceof Float32Array)) {
    throw new DiffWaveError('BAD_OPTION', 'the samples are of the wrong type', {
      expected: 'a Float32Array',
      got: describe(samples),
      where: 'resample samples',
    })
  }
  checkSamples(samples, 'resample samples')
  checkSampleRate(from, 'resample from', 'BAD_OPTION')
  checkSampleRate(to, 'resample to', 'BAD_OPTION')
  if (to / from > 256 || from / to > 256) {
    throw new DiffWaveError('BAD_OPTION', 'the sample rates are too far apart', { expected: 'a factor of 256 at most' })
  }
  if (from === to) return samples.slice()
  return convertRate(samples, from, to)
}
