/**
 * Decodes recordings in any of these formats: WAV, FLAC, MP3, Ogg Vorbis and Opus. The format is recognised by the
 * first bytes, not by the name.
 */
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { bytesOf, type FileInput } from '../../core/file-input.js'
import { check, type FieldsOf } from '../../core/options.js'
import { wrongFileHint } from '../../core/wrong-file.js'
import type { Recording } from '../audio.js'
import { CONVERT_HINT } from './convert-hint.js'
import type { DecodeOptions } from './mono.js'
import { decodeWav } from './wav.js'

type Decode = (
  bytes: Uint8Array,
  start: number,
  where: string,
  options: DecodeOptions,
) => Promise<Recording> | Recording

const optionsSchema = z.strictObject({ maxSeconds: z.number().positive().optional() } satisfies FieldsOf<DecodeOptions>)

/** The text by which a format is recognised, and the byte at which it stands. */
interface Signature {
  readonly text: string
  readonly at?: number
}

/** Formats that cannot be read, but that errors should name. */
const unreadable: readonly (Signature & { readonly name: string })[] = [
  { text: 'ftyp', at: 4, name: 'an MP4 file (.m4a, AAC or ALAC)' },
  { text: 'FORM', name: 'an AIFF file' },
  { text: '\x1aE\xdf\xa3', name: 'a Matroska or WebM file' },
  { text: '0&\xb2u', name: 'a Windows Media file' },
  { text: 'riff', name: 'a Wave64 file' },
  { text: 'caff', name: 'a Core Audio file' },
  { text: '.snd', name: 'a Sun audio file' },
  { text: '#!AMR', name: 'an AMR file' },
  { text: 'NIST_1A', name: 'a NIST SPHERE file, as TIMIT and other corpora of the LDC have it' },
  { text: '\x0bw', name: 'an AC-3 file' },
  { text: 'TTA1', name: 'a True Audio file' },
  { text: 'MAC ', name: 'a Monkey’s Audio file' },
  { text: 'wvpk', name: 'a WavPack file' },
]

function startsWith(bytes: Uint8Array, { text, at = 0 }: Signature): boolean {
  return String.fromCharCode(...bytes.subarray(at, at + text.length)) === text
}

/** The byte at which the audio begins, after any ID3v2 tags, which some programs put before every format. */
function audioStart(bytes: Uint8Array): number {
  let at = 0
  while (startsWith(bytes, { text: 'ID3', at }) && at + 10 <= bytes.length) {
    // The size has seven bits per byte. A footer repeats the ten bytes of the header.
    const size = [6, 7, 8, 9].reduce((sum, i) => sum * 128 + (bytes[at + i]! & 127), 0)
    at += 10 + size + ((bytes[at + 5]! & 0x10) === 0 ? 0 : 10)
    // Some programs leave zeros after the declared size.
    while (bytes[at] === 0) at++
  }
  return at
}

/** Number of bytes of the first page to search for a codec's name: the header, 255 lacing values and the packet. */
const FIRST_PAGE = 27 + 255 + 64

/**
 * The decoder for the format that begins at `start`; undefined for an unknown format. Decoders are loaded when they are
 * first used.
 */
function decoderOf(bytes: Uint8Array, start: number): Decode | undefined {
  const starts = (text: string) => startsWith(bytes, { text, at: start })
  if (['RIFF', 'RIFX', 'RF64', 'BW64'].some(starts)) {
    return (data, at, where, options) => decodeWav(data.subarray(at), where, options)
  }
  if (starts('fLaC')) return async (...args) => (await import('./flac.js')).decodeFlac(...args)
  if (starts('OggS')) {
    const page = String.fromCharCode(...bytes.subarray(start, start + FIRST_PAGE))
    if (page.includes('OpusHead')) return async (...args) => (await import('./opus.js')).decodeOpus(...args)
    return async (...args) => (await import('./vorbis.js')).decodeVorbis(...args)
  }
  return undefined
}

/**
 * Decodes a recording, and averages its channels to one.
 *
 * @param bytes of the file
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_WAV`, `BAD_AUDIO`, `TRUNCATED`, `TOO_LARGE`, `NOT_FINITE`; `UNSUPPORTED_FORMAT`, which
 * names the format if it is known
 */
export async function decodeAudio(bytes: Uint8Array, where: string, options: DecodeOptions = {}): Promise<Recording> {
  const start = audioStart(bytes)
  if (start > 0 && start >= bytes.length) {
    throw new DiffWaveError('TRUNCATED', 'the file ends before its audio, in an ID3 tag', { where })
  }
  const decode = decoderOf(bytes, start)
  if (decode !== undefined) return decode(bytes, start, where, options)
  const { decodeMp3, isMp3Frame } = await import('./mp3.js')
  if (isMp3Frame(bytes, start)) return decodeMp3(bytes, start, where, options)
  const name =
    unreadable.find(signature => startsWith(bytes, signature))?.name ??
    (bytes[start] === 0xff && (bytes[start + 1]! & 0xf6) === 0xf0 ? 'a raw AAC file' : undefined)
  const hint = name === undefined ? wrongFileHint(bytes) : CONVERT_HINT
  throw new DiffWaveError(
    'UNSUPPORTED_FORMAT',
    bytes.length === 0
      ? 'the file is empty'
      : name === undefined
        ? 'not a recording of a known format'
        : `this is ${name}`,
    {
      expected: 'WAV, FLAC, MP3, Ogg Vorbis or Opus',
      where,
      ...(hint === undefined ? {} : { hint }),
    },
  )
}

/**
 * Reads a recording: WAV, FLAC, MP3, Ogg Vorbis or Opus. The format is recognised by the first bytes, not by the name.
 *
 * @param input the file: its path, a `File` or `Blob`, or its bytes
 * @param options `maxSeconds`: refuse longer recordings
 * @returns mono audio at the file's sample rate, with notes on what is odd about the file
 * @throws DiffWaveError `BAD_OPTION`, `FILE_NOT_FOUND`, `NOT_A_FILE`, `NOT_READABLE`, `TOO_LARGE`, and as `decodeAudio`
 * @example
 * const { samples, sampleRate, notes } = await readAudio('recording.mp3')
 * const uploaded = await readAudio(await request.arrayBuffer(), { maxSeconds: 600 })
 */
export async function readAudio(input: FileInput, options: DecodeOptions = {}): Promise<Recording> {
  const bounds = check(optionsSchema, options, 'readAudio options')
  const { bytes, name } = await bytesOf(input, 'readAudio input')
  return decodeAudio(bytes, name, bounds)
}
