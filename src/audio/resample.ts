/** Change of sample rate by libsamplerate's band-limited sinc interpolation (Erik de Castro Lopo), compiled to WASM. */
import { createRequire } from 'node:module'
import { setImmediate } from 'node:timers/promises'
import { DiffWaveError } from '../core/errors.js'
import { MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../core/limits.js'

// A CommonJS module whose names an ESM import does not see.
const { ConverterType, create } = createRequire(import.meta.url)(
  '@alexanderolsen/libsamplerate-js',
) as typeof import('@alexanderolsen/libsamplerate-js')

/** Samples converted at a time: some 10 ms of work between two turns of the event loop. */
const CHUNK = 8192
/** More than half the filter's length, in samples of the lower rate. */
const TAIL = 1024

/**
 * `samples` at another rate, `round(length × to / from)` of them, without delay (aliases and images below −120 dB).
 *
 * @param from rate of the samples, Hz
 * @param to rate wanted, Hz; the two within a factor of 256, libsamplerate's bound
 * @throws DiffWaveError `BAD_OPTION`
 */
export async function resample(samples: Float32Array, from: number, to: number): Promise<Float32Array> {
  for (const rate of [from, to]) {
    if (!Number.isInteger(rate) || rate < MIN_SAMPLE_RATE || rate > MAX_SAMPLE_RATE) {
      throw new DiffWaveError('BAD_OPTION', 'a sample rate is out of range', {
        expected: `${MIN_SAMPLE_RATE} … ${MAX_SAMPLE_RATE} Hz`,
        got: String(rate),
      })
    }
  }
  if (to / from > 256 || from / to > 256) {
    throw new DiffWaveError('BAD_OPTION', 'the sample rates are too far apart', { expected: 'a factor of 256 at most' })
  }
  if (from === to) return samples.slice()
  const converter = await create(1, from, to, { converterType: ConverterType.SRC_SINC_MEDIUM_QUALITY })
  try {
    const result = new Float32Array(Math.round((samples.length * to) / from))
    // The filter holds back its tail until more samples come: silence after the clip brings it out.
    const tail = Math.ceil(TAIL * Math.max(1, from / to))
    for (let at = 0, filled = 0; at < samples.length + tail && filled < result.length; at += CHUNK) {
      const chunk = new Float32Array(Math.min(CHUNK, samples.length + tail - at))
      chunk.set(samples.subarray(at, at + chunk.length))
      const converted = converter.full(chunk)
      result.set(converted.subarray(0, result.length - filled), filled)
      filled += converted.length
      await setImmediate()
    }
    return result
  } finally {
    converter.destroy()
  }
}
