/** The header and the samples of mono WAV files as bytes. It is pure arithmetic, so that web pages can use it, too. */

/** Largest value of a RIFF size field. It stands for an unknown size. */
export const MAX_RIFF_SIZE = 0xffffffff

/** How samples are written: PCM of 16 or 24 bits (clipped at ±1), or 32-bit float (unchanged). */
export type WavFormat = '16' | '24' | '32f'
export const wavFormats = ['16', '24', '32f'] as const satisfies readonly WavFormat[]

/** Number of bytes before the samples, in the files that this package writes. */
export const WAV_HEADER_BYTES = 44

/** Bytes of one sample. */
export function wavSampleBytes(format: WavFormat): number {
  return format === '16' ? 2 : format === '24' ? 3 : 4
}

/**
 * The 44 bytes before the samples of a mono WAV.
 *
 * @param dataBytes the samples' size; null if it is not known yet, as on a pipe
 */
export function wavHeader(sampleRate: number, format: WavFormat, dataBytes: number | null): Uint8Array {
  const bytesPerSample = wavSampleBytes(format)
  const bytes = new Uint8Array(WAV_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  const tag = (at: number, text: string) => {
    for (let i = 0; i < 4; i++) bytes[at + i] = text.charCodeAt(i)
  }
  tag(0, 'RIFF')
  view.setUint32(4, dataBytes === null ? MAX_RIFF_SIZE : WAV_HEADER_BYTES - 8 + dataBytes + (dataBytes % 2), true)
  tag(8, 'WAVE')
  tag(12, 'fmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, format === '32f' ? 3 : 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, sampleRate, true)
  view.setUint32(28, sampleRate * bytesPerSample, true)
  view.setUint16(32, bytesPerSample, true)
  view.setUint16(34, bytesPerSample * 8, true)
  tag(36, 'data')
  view.setUint32(40, dataBytes ?? MAX_RIFF_SIZE, true)
  return bytes
}

/** Encodes samples. Integers are rounded to nearest and clipped. */
export function wavData(samples: Float32Array, format: WavFormat): Uint8Array {
  const size = wavSampleBytes(format)
  const bytes = new Uint8Array(samples.length * size)
  const view = new DataView(bytes.buffer)
  const scale = format === '16' ? 32768 : 8388608
  for (let i = 0; i < samples.length; i++) {
    if (format === '32f') {
      view.setFloat32(i * 4, samples[i]!, true)
      continue
    }
    // Full scale is one step beyond the largest integer, as in the reader, so that a file that was read is written back
    // exactly.
    const value = Math.min(Math.round(Math.max(-1, Math.min(1, samples[i]!)) * scale), scale - 1)
    view.setInt16(i * size, value, true)
    if (format === '24') view.setInt8(i * 3 + 2, value >> 16)
  }
  return bytes
}
