/** Checks that what a caller hands over is audio, before anything reads its fields. */
import { DiffWaveError } from '../core/errors.js'
import { MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../core/limits.js'
import { describe } from '../core/path.js'
import type { Audio } from './codecs/wav.js'

/** @param where names the audio in errors @throws DiffWaveError `BAD_AUDIO` */
export function checkAudio(value: unknown, where: string): asserts value is Audio {
  const refuse = (problem: string, expected: string, got: string, hint?: string): never => {
    throw new DiffWaveError('BAD_AUDIO', problem, { expected, got, where, ...(hint === undefined ? {} : { hint }) })
  }
  if (typeof value !== 'object' || value === null || !('samples' in value)) {
    const hint =
      typeof value === 'string'
        ? 'Read the file first: await readWav(path).'
        : ArrayBuffer.isView(value)
          ? 'Add the sample rate: { samples, sampleRate }.'
          : undefined
    return refuse('not audio', '{ samples, sampleRate }', describe(value), hint)
  }
  const { samples, sampleRate } = value as Partial<Audio>
  if (!(samples instanceof Float32Array)) {
    refuse(
      'the samples are of the wrong type',
      'a Float32Array',
      describe(samples),
      samples === undefined ? undefined : 'Full scale is 1: divide 16-bit samples by 32768.',
    )
  }
  if (!(Number.isInteger(sampleRate) && sampleRate! >= MIN_SAMPLE_RATE && sampleRate! <= MAX_SAMPLE_RATE)) {
    refuse('the sample rate is out of range', `${MIN_SAMPLE_RATE} … ${MAX_SAMPLE_RATE} Hz`, String(sampleRate))
  }
}

/** @throws DiffWaveError `NOT_FINITE`, naming the first sample that is NaN or infinite */
export function checkSamples(samples: Float32Array, where: string): void {
  const broken = samples.findIndex(sample => !Number.isFinite(sample))
  if (broken >= 0) throw new DiffWaveError('NOT_FINITE', `sample ${broken} is not a finite number`, { where })
}
