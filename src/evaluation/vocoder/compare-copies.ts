/** Measures copies of a recording against the recording, at `COMPARED_RATE`. */
import { resample } from '../../audio/resample.js'
import { DiffWaveError } from '../../core/errors.js'
import { compare } from './compare.js'
import { COMPARED_RATE, type Measurements, MIN_SAMPLES } from './measures.js'

/**
 * @param original @param copies all at `sampleRate`, in Hz
 * @param where names the original in errors
 * @returns the measures of each copy
 * @throws DiffWaveError `BAD_AUDIO` if the original is too short
 */
export async function compareCopies(
  original: Float32Array,
  copies: readonly Float32Array[],
  sampleRate: number,
  where: string,
): Promise<Omit<Measurements, 'realTimeFactor'>[]> {
  const at = async (samples: Float32Array) => (await resample({ samples, sampleRate }, COMPARED_RATE)).samples
  const compared = await at(original)
  if (compared.length < MIN_SAMPLES) {
    throw new DiffWaveError('BAD_AUDIO', 'the recording is too short to be compared', {
      expected: `at least ${MIN_SAMPLES} samples at ${COMPARED_RATE} Hz`,
      got: String(compared.length),
      where,
    })
  }
  const rows: Omit<Measurements, 'realTimeFactor'>[] = []
  for (const copy of copies) rows.push(compare(compared, await at(copy)))
  return rows
}
