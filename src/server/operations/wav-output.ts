/** Audio as the file of an operation's output: while it is made, or whole. */
import { WAV_HEADER_BYTES, type WavFormat, wavSampleBytes } from '../../audio/codecs/wav-bytes.js'
import { encodeWav } from '../../audio/codecs/wav-encode.js'
import { wavBytes } from '../../audio/codecs/wav-stream.js'
import type { AudioStream } from '../../synthesis/result.js'
import type { Facts, Output } from './operation.js'

/** Media type of every sound. */
const WAV = 'audio/wav'

interface WavFile {
  readonly name: string
  readonly format: WavFormat
  readonly facts: Facts
}

/** Writes audio as it becomes final. The header waits for the first samples: an error before can still be answered. */
export async function streamWav(output: Output, audio: AudioStream, { name, format, facts }: WavFile): Promise<void> {
  const { length, sampleRate, seed, steps } = audio
  const samples = length === null ? null : length * wavSampleBytes(format)
  // Chunks of an odd number of bytes are followed by one more.
  const bytes = samples === null ? null : WAV_HEADER_BYTES + samples + (samples % 2)
  let header: Uint8Array | null = null
  for await (const piece of wavBytes(audio, { format })) {
    if (header === null) {
      header = piece
      continue
    }
    if (header.length > 0) {
      output.open({ name, type: WAV, bytes, facts: { sampleRate, seed, steps, samples: length, ...facts } })
      await output.write(header)
      header = new Uint8Array(0)
    }
    await output.write(piece)
  }
}

/** Writes whole audio. */
export async function writeWhole(
  output: Output,
  audio: { readonly samples: Float32Array; readonly sampleRate: number },
  { name, format, facts }: WavFile,
): Promise<void> {
  const { samples, sampleRate } = audio
  const bytes = encodeWav(audio, { format })
  output.open({ name, type: WAV, bytes: bytes.length, facts: { sampleRate, samples: samples.length, ...facts } })
  await output.write(bytes)
}
