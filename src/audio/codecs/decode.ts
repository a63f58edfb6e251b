/** Recordings in whatever format they come: WAV (own reader), FLAC, MP3, Ogg Vorbis and Opus (decoders compiled to WASM). */
import { FLACDecoder } from '@wasm-audio-decoders/flac'
import { OggVorbisDecoder } from '@wasm-audio-decoders/ogg-vorbis'
import { MPEGDecoder } from 'mpg123-decoder'
import { OggOpusDecoder } from 'ogg-opus-decoder'
import { DiffWaveError } from '../../core/errors.js'
import { readFileBytes } from '../../core/files.js'
import type { Audio } from '../audio.js'
import { decodeWav } from './wav.js'

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

/** Full scale is 2^(bits − 1), as a WAV's: the FLAC decoder divides by one less. */
function asInWav(decoded: Decoded & { readonly bitDepth: number }): Decoded {
  const full = 2 ** (decoded.bitDepth - 1)
  const factor = (full - 1) / full
  return { ...decoded, channelData: decoded.channelData.map(channel => channel.map(x => x * factor)) }
}

/** What a decoder makes of a file, the decoder freed whatever happens. */
async function decodedBy<Decoder extends { readonly ready: Promise<void>; free(): void }>(
  decoder: Decoder,
  decode: (decoder: Decoder) => Decoded | Promise<Decoded>,
  where: string,
): Promise<Audio> {
  await decoder.ready
  let decoded: Decoded
  try {
    decoded = await decode(decoder)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DiffWaveError('BAD_AUDIO', `the file cannot be decoded: ${reason}`, { where, cause })
  } finally {
    decoder.free()
  }
  return mono(decoded, where)
}

function starts(bytes: Uint8Array, text: string, at = 0): boolean {
  return Buffer.from(bytes.subarray(at, at + text.length)).toString('latin1') === text
}

/** Bytes of an Ogg file before its codec's first packet: the first page's header, with one segment. */
const OGG_HEADER = 28

/**
 * A recording, its channels averaged to one. The format is told by the first bytes.
 *
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_WAV`, `TRUNCATED`, `BAD_AUDIO`, `UNSUPPORTED_FORMAT`
 */
export async function decodeAudio(bytes: Uint8Array, where: string): Promise<Audio> {
  if (['RIFF', 'RIFX', 'RF64'].some(tag => starts(bytes, tag))) return decodeWav(bytes, where)
  if (starts(bytes, 'fLaC')) {
    return decodedBy(new FLACDecoder(), async flac => asInWav(await flac.decodeFile(bytes)), where)
  }
  if (starts(bytes, 'OggS') && starts(bytes, 'OpusHead', OGG_HEADER)) {
    return decodedBy(new OggOpusDecoder(), opus => opus.decodeFile(bytes), where)
  }
  if (starts(bytes, 'OggS')) return decodedBy(new OggVorbisDecoder(), vorbis => vorbis.decodeFile(bytes), where)
  if (starts(bytes, 'ID3') || (bytes[0] === 0xff && (bytes[1]! & 0xe0) === 0xe0)) {
    return decodedBy(new MPEGDecoder(), mpeg => mpeg.decode(bytes), where)
  }
  throw new DiffWaveError('UNSUPPORTED_FORMAT', 'this is no recording of a known format', {
    expected: 'WAV, FLAC, MP3, Ogg Vorbis or Opus',
    where,
  })
}

/** @throws DiffWaveError `FILE_NOT_FOUND`, and as `decodeAudio` */
export async function readAudio(path: string): Promise<Audio> {
  return decodeAudio(await readFileBytes(path), path)
}
