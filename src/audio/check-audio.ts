/** Checks that a value from a caller is audio, before its fields are read. */
import { isFloat32Array } from '../core/any-realm.js'
import { describe } from '../core/describe.js'
import { DiffWaveError, type ErrorCode } from '../core/errors.js'
import { MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../core/limits.js'
import type { Audio } from './audio.js'

/** @param where names the audio in errors @throws DiffWaveError `BAD_AUDIO` */
export function checkAudio(value: unknown, where: string): asserts value is Audio {
  const refuse = (problem: string, expected: string, got: string, hint?: string): never => {
    throw new DiffWaveError('BAD_AUDIO', problem, { expected, got, where, ...(hint === undefined ? {} : { hint }) })
  }
  if (typeof value !== 'object' || value === null || !('samples' in value)) {
    const hint =
      typeof value === 'string'
        ? 'Read the file first: await readAudio(path).'
        : ArrayBuffer.isView(value)
          ? 'Add the sample rate: { samples, sampleRate }.'
          : undefined
    return refuse('not audio', '{ samples, sampleRate }', describe(value), hint)
  }
  const { samples, sampleRate } = value as Partial<Audio>
  if (!isFloat32Array(samples)) {
    refuse(
      'the samples are of the wrong type',
      'a Float32Array',
      describe(samples),
      samples === undefined ? undefined : 'Full scale is 1: divide 16-bit samples by 32768.',
    )
  }
  checkSampleRate(sampleRate, where)
}

/**
 * Checks a sample rate.
 *
 * @throws DiffWaveError `code` (default `BAD_AUDIO`) if it is not a whole number of Hz within the limits
 */
export function checkSampleRate(sampleRate: unknown, where: string, code: ErrorCode = 'BAD_AUDIO'): void {
  if (
    Number.isInteger(sampleRate) &&
    (sampleRate as number) >= MIN_SAMPLE_RATE &&
    (sampleRate as number) <= MAX_SAMPLE_RATE
  )
    return
  throw new DiffWaveError(code, 'the sample rate is out of range', {
    expected: `${MIN_SAMPLE_RATE} … ${MAX_SAMPLE_RATE} Hz`,
    got: typeof sampleRate === 'number' ? String(sampleRate) : describe(sampleRate),
    where,
  })
}

/**
 * Refuses samples that are NaN or infinite. It is a plain loop, because it runs over every sample that goes in or out.
 *
 * @param start index of the first sample, if these are a piece of longer audio
 * @throws DiffWaveError `NOT_FINITE`, naming the first such sample
 */
export function checkSamples(samples: Float32Array, where: string, start = 0): void {
  for (let i = 0; i < samples.length; i++) {
    if (Number.isFinite(samples[i])) continue
    throw new DiffWaveError('NOT_FINITE', `sample ${start + i} is not a finite number`, { where })
  }
}

/** Refuses audio without samples, where nothing could be computed from it. @throws DiffWaveError `BAD_AUDIO` */
export function checkNotEmpty(samples: Float32Array, where: string): void {
  if (samples.length > 0) return
  throw new DiffWaveError('BAD_AUDIO', 'there are no samples', {
    where,
    hint: 'Check whether the audio was cut to nothing before.',
  })
}
