/**
 * The chunks of a WAV file up to its samples. Formats: Microsoft's RIFF specification (1991), WAVEFORMATEXTENSIBLE, EBU
 * Tech 3306 (RF64), ITU-R BS.2088 (BW64). Every declared size is checked against the bytes present.
 */
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { checkSampleRate } from '../check-audio.js'
import { CONVERT_HINT } from './convert-hint.js'

/** What a WAV file declares. */
export interface WavHeader {
  readonly container: 'RIFF' | 'RIFX' | 'RF64' | 'BW64'
  readonly encoding: 'pcm' | 'float' | 'a-law' | 'µ-law'
  readonly channels: number
  readonly sampleRate: number
  /** Number of significant bits of a sample. */
  readonly bitsPerSample: number
  /** Bytes per sample, including padding. */
  readonly sampleBytes: number
  /** Number of samples per channel. */
  readonly frames: number
  /** Position of the sample data in the file, in bytes. */
  readonly dataStart: number
  readonly dataBytes: number
  /** One sentence if the file is shorter or longer than it declares. */
  readonly notes: readonly string[]
}

type Format = Pick<WavHeader, 'encoding' | 'channels' | 'sampleRate' | 'bitsPerSample' | 'sampleBytes'>

/** The position of a chunk and its declared size, in bytes. */
interface Chunk {
  readonly id: string
  readonly start: number
  readonly size: number
}

const containers: readonly string[] = ['RIFF', 'RIFX', 'RF64', 'BW64']
const encodings: Readonly<Record<number, WavHeader['encoding']>> = { 1: 'pcm', 3: 'float', 6: 'a-law', 7: 'µ-law' }
const EXTENSIBLE = 0xfffe
/** Known chunks besides the samples, from files of recorders and editors. */
const knownChunks: ReadonlySet<string> = new Set([
  ...['fmt ', 'data', 'fact', 'ds64', 'LIST', 'INFO', 'bext', 'iXML', '_PMX', 'axml', 'chna', 'cart', 'PEAK', 'id3 '],
  ...['ID3 ', 'cue ', 'plst', 'labl', 'note', 'smpl', 'inst', 'acid', 'JUNK', 'junk', 'PAD ', 'FLLR'],
])
/** The size field in RF64 and BW64 that refers to the `ds64` chunk. */
const IN_DS64 = 0xffffffff

/**
 * Reads the chunks of a WAV file up to its samples. A recording that ends before its declared length, or whose length
 * is the placeholder of a pipe or of a recorder that died, is read to the end of the file, with a note.
 *
 * @param where names the file in errors
 * @throws DiffWaveError `UNSUPPORTED_FORMAT` (not a WAV file, or an encoding that is not read), `BAD_WAV`, `TRUNCATED`
 */
export function decodeWavHeader(bytes: Uint8Array, where: string): WavHeader {
  return new WavParser(bytes, where).header()
}

class WavParser {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #where: string

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#where = where
  }

  header(): WavHeader {
    const container = this.#container()
    const little = container !== 'RIFX'
    let format: Format | undefined
    let longSize: number | undefined
    for (let at = 12; ; ) {
      if (at + 8 > this.#bytes.length) {
        throw this.#truncated(format === undefined ? 'the file ends before its format' : 'the file has no samples')
      }
      const chunk: Chunk = { id: this.#tag(at), start: at + 8, size: this.#view.getUint32(at + 4, little) }
      if (chunk.id === 'data') {
        if (format === undefined) throw this.#bad('the samples come before their format')
        return { container, ...format, ...this.#data(chunk, format, longSize) }
      }
      if (chunk.start + chunk.size > this.#bytes.length) {
        throw this.#truncated(`the file ends inside its chunk ${JSON.stringify(chunk.id)}`)
      }
      if (chunk.id === 'ds64' && chunk.size >= 24) longSize = Number(this.#view.getBigUint64(chunk.start + 8, little))
      if (chunk.id === 'fmt ') format = this.#format(chunk, little)
      at = this.#after(chunk)
    }
  }

  #container(): WavHeader['container'] {
    if (this.#bytes.length === 0) throw this.#truncated('the file is empty')
    const container = this.#tag(0)
    if (!containers.includes(container)) {
      throw this.#unsupported('not a WAV file', 'RIFF, RIFX, RF64 or BW64 at its start')
    }
    if (this.#bytes.length < 12) throw this.#truncated('the file ends inside its header')
    if (this.#tag(8) !== 'WAVE') {
      throw this.#unsupported('this RIFF file is not a WAV file', 'WAVE', JSON.stringify(this.#tag(8)))
    }
    return container as WavHeader['container']
  }

  #format({ start, size }: Chunk, little: boolean): Format {
    if (size < 16) throw this.#bad('the format chunk is too short')
    const view = this.#view
    let code = view.getUint16(start, little)
    if (code === EXTENSIBLE && size >= 26) code = view.getUint16(start + 24, little)
    const encoding = encodings[code]
    if (encoding === undefined) {
      const expected = 'PCM, float, A-law or µ-law'
      throw this.#unsupported('unsupported WAV encoding', expected, `format ${code}`, CONVERT_HINT)
    }
    const channels = view.getUint16(start + 2, little)
    const sampleRate = view.getUint32(start + 4, little)
    const blockBytes = view.getUint16(start + 12, little)
    const bitsPerSample = view.getUint16(start + 14, little)
    if (channels === 0) throw this.#bad('the file has no channels')
    checkSampleRate(sampleRate, this.#where, 'BAD_WAV')
    this.#checkBits(encoding, bitsPerSample)
    const needed = Math.ceil(bitsPerSample / 8)
    // A few writers leave the block size at zero.
    const sampleBytes = blockBytes === 0 ? needed : blockBytes / channels
    const padded = encoding === 'pcm' ? 4 : needed
    if (!Number.isInteger(sampleBytes) || sampleBytes < needed || sampleBytes > padded) {
      throw this.#bad('the block size does not fit the channels and bits')
    }
    return { encoding, channels, sampleRate, bitsPerSample, sampleBytes }
  }

  #checkBits(encoding: WavHeader['encoding'], bits: number): void {
    const expected = encoding === 'pcm' ? '8 to 32 bits' : encoding === 'float' ? '32 or 64 bits' : '8 bits'
    const fits =
      encoding === 'pcm' ? bits >= 8 && bits <= 32 : encoding === 'float' ? bits === 32 || bits === 64 : bits === 8
    if (!fits) throw this.#unsupported('unsupported WAV sample size', expected, `${bits} bits`)
  }

  /** The available size of the data chunk, and a note if it differs from the declared size. */
  #data(
    { start, size }: Chunk,
    { channels, sampleBytes }: Format,
    longSize: number | undefined,
  ): Pick<WavHeader, 'frames' | 'dataStart' | 'dataBytes' | 'notes'> {
    const blockBytes = channels * sampleBytes
    const available = this.#bytes.length - start
    const declared = size === IN_DS64 && longSize !== undefined ? longSize : size
    const toTheEnd = declared > available || (declared === 0 && available >= blockBytes && !this.#chunksUntilEnd(start))
    const dataBytes = toTheEnd ? available : declared
    const frames = Math.floor(dataBytes / blockBytes)
    if (frames === 0) throw this.#bad('the file holds no samples')
    const note = `The header declares ${declared} bytes of samples: read ${available} bytes, to the end of the file.`
    return { frames, dataStart: start, dataBytes: frames * blockBytes, notes: toTheEnd ? [note] : [] }
  }

  /** Whether the rest of the file consists of known chunks that fit exactly. Then it holds no samples. */
  #chunksUntilEnd(at: number): boolean {
    const little = this.#tag(0) !== 'RIFX'
    const from = at
    while (at + 8 <= this.#bytes.length) {
      const chunk = { id: this.#tag(at), start: at + 8, size: this.#view.getUint32(at + 4, little) }
      if (!knownChunks.has(chunk.id) || chunk.start + chunk.size > this.#bytes.length) return false
      at = this.#after(chunk)
    }
    return at > from
  }

  /** The position of the next chunk. A chunk of odd size is padded by a byte, which some writers omit. */
  #after({ start, size }: Chunk): number {
    const end = start + size
    if (size % 2 === 0) return end
    return knownChunks.has(this.#tag(end)) && !knownChunks.has(this.#tag(end + 1)) ? end : end + 1
  }

  #tag(at: number): string {
    return String.fromCharCode(...this.#bytes.subarray(at, at + 4))
  }

  #bad(problem: string): DiffWaveError {
    return new DiffWaveError('BAD_WAV', problem, { where: this.#where })
  }

  #truncated(problem: string): DiffWaveError {
    return new DiffWaveError('TRUNCATED', problem, { where: this.#where })
  }

  #unsupported(problem: string, expected: string, got?: string, hint?: string): DiffWaveError {
    return new DiffWaveError('UNSUPPORTED_FORMAT', problem, {
      expected,
      where: this.#where,
      ...defined({ got, hint }),
    })
  }
}
