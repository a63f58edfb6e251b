/** Recordings in whatever format they come: WAV (own reader), FLAC, MP3 and Ogg Vorbis (decoders compiled to WASM). */
import { FLACDecoder } from '@wasm-audio-decoders/flac'
import { OggVorbisDecoder } from '@wasm-audio-decoders/ogg-vorbis'
import { MPEGDecoder } from 'mpg123-decoder'
import { DiffWaveError } from '../errors.js'
import { readFileBytes } from '../files.js'
import { type Audio, decodeWav } from './wav.js'

/** What the decoders give. */
interface Decoded {
  readonly channelData: readonly Float32Array[]
  readonly samplesDecoded: number
  readonly sampleRate: number
  readonly errors: readonly { readonly message: string }[]
}

function mono({ channelData, samplesDecoded, sampleRate, errors }: Decoded, where: string): Audio {
  if (errors.length > 0 || samplesDecoded === 0 || channelData.length === 0) {
    throw new DiffWaveError('BAD_AUDIO', `the file cannot be decoded: ${errors[0]?.message ?? 'it holds no samples'}`, {
      where,
    })
  }
  const samples = new Float32Array(samplesDecoded)
  for (const channel of channelData) {
    for (let i = 0; i < samplesDecoded; i++) samples[i]! += channel[i]! / channelData.length
  }
  return { samples, sampleRate }
}

function starts(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(text.length, bytes.length)).toString('latin1') === text
}

/**
 * A recording, its channels averaged to one. The format is told by the first bytes.
 *
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_WAV`, `TRUNCATED`, `BAD_AUDIO`, `UNSUPPORTED_FORMAT`
 */
export async function decodeAudio(bytes: Uint8Array, where: string): Promise<Audio> {
  if (['RIFF', 'RIFX', 'RF64'].some(tag => starts(bytes, tag))) return decodeWav(bytes, where)
  if (starts(bytes, 'fLaC')) {
    const decoder = new FLACDecoder()
    await decoder.ready
    try {
      return mono(await decoder.decodeFile(bytes), where)
    } finally {
      decoder.free()
    }
  }
  if (starts(bytes, 'OggS')) {
    const decoder = new OggVorbisDecoder()
    await decoder.ready
    try {
      return mono(await decoder.decodeFile(bytes), where)
    } finally {
      decoder.free()
    }
  }
  if (starts(bytes, 'ID3') || (bytes[0] === 0xff && (bytes[1]! & 0xe0) === 0xe0)) {
    const decoder = new MPEGDecoder()
    await decoder.ready
    try {
      return mono(decoder.decode(bytes), where)
    } finally {
      decoder.free()
    }
  }
  throw new DiffWaveError('UNSUPPORTED_FORMAT', 'this is no recording of a known format', {
    expected: 'WAV, FLAC, MP3 or Ogg Vorbis',
    where,
  })
}

/** @throws DiffWaveError `FILE_NOT_FOUND`, and as `decodeAudio` */
export async function readAudio(path: string): Promise<Audio> {
  return decodeAudio(await readFileBytes(path), path)
}
