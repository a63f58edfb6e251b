/** Change of sample rate. */
import { z } from 'zod'
import { convertRate } from '#platform/audio/rate-converter'
import { isFloat32Array } from '../core/any-realm.js'
import { describe } from '../core/describe.js'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { abortSignal, check, type FieldsOf } from '../core/options.js'
import { checkSampleRate, checkSamples } from './check-audio.js'

/** Options of `resample`. */
export interface ResampleOptions {
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
}

const optionsSchema = z.strictObject({ signal: abortSignal.optional() } satisfies FieldsOf<ResampleOptions>)

/**
 * Changes the sample rate of audio, without delay. Aliases and images stay below −120 dB.
 *
 * @param samples any number of them, taken as they are when the call begins
 * @param from rate of the samples in Hz
 * @param to new rate in Hz. The two rates may differ by a factor of at most 256
 * @returns `round(samples.length × to / from)` samples
 * @throws DiffWaveError `BAD_OPTION`, `NOT_FINITE`, `ABORTED`
 * @example
 * const samples = await resample(audio.samples, audio.sampleRate, 22_050)
 */
export async function resample(
  samples: Float32Array,
  from: number,
  to: number,
  options: ResampleOptions = {},
): Promise<Float32Array> {
  const { signal } = check(optionsSchema, options, 'resample options')
  throwIfAborted(signal)
  if (!isFloat32Array(samples)) {
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
    throw new DiffWaveError('BAD_OPTION', 'the sample rates are too far apart', {
      expected: 'a factor of 256 at most',
      got: `${from} Hz and ${to} Hz`,
      where: 'resample',
    })
  }
  if (from === to) return samples.slice()
  // The conversion reads them chunk by chunk, and the caller may write to its array meanwhile.
  return convertRate(samples.slice(), from, to, signal)
}
