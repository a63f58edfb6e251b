/** A sound as a WAV file. */
import { wavData, wavHeader } from '#src/audio/codecs/wav-bytes'
import { concatenateBytes } from '#src/core/concatenate'
import type { Sound } from './sound.js'

/** @param format 32-bit float keeps what lies beyond ±1 */
export function wavFile({ samples, sampleRate }: Sound, format: '16' | '32f' = '16'): Uint8Array<ArrayBuffer> {
  const data = wavData(samples, format)
  return concatenateBytes([wavHeader(sampleRate, format, data.length), data])
}
