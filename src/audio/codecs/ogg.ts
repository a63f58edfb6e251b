/** Ogg (RFC 3533): reads the packets of the first audio stream, and of further ones that are chained to it. */
import { concatenateBytes } from '../../core/concatenate.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_SHORT_LINKS, MIN_LINK_BYTES } from '../../core/limits.js'
import { CONVERT_HINT } from './convert-hint.js'
import { crc32 } from './crc.js'

/** A packet of a stream. */
export interface OggPacket {
  readonly data: Uint8Array
  /** Samples up to the end of this packet if it is the last to end on its page, else null. */
  readonly granule: number | null
}

/** One link of a chain: a stream from its first page to its last. */
export interface OggLink {
  /** The body of the first page: the first packet, which identifies the codec. */
  readonly head: Uint8Array
  /** The bytes of the whole file. */
  readonly bytes: Uint8Array
  /** The offsets of its checked pages. A page may have only 27 bytes, so that storing more about each would not pay. */
  readonly pages: readonly number[]
}

interface Page {
  readonly serial: number
  readonly continued: boolean
  readonly first: boolean
  readonly last: boolean
  /** −1 if no packet ends on this page. */
  readonly granule: number
  readonly checksum: number
  readonly lacing: Uint8Array
  readonly dataStart: number
  readonly end: number
}

/** The note about bytes after the last page. */
const REST = 'What follows the end of the stream is left out.'
/** Size of a page header before its lacing values, in bytes. */
const HEADER = 27
const NO_CHECKSUM = new Uint8Array(4)

/** Parses the page at an offset, of which at least the first 27 bytes exist. */
function pageAt(bytes: Uint8Array, at: number): Page {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER)
  const dataStart = at + HEADER + bytes[at + 26]!
  const lacing = bytes.subarray(at + HEADER, dataStart)
  const flags = bytes[at + 5]!
  return {
    serial: view.getUint32(14, true),
    continued: (flags & 1) !== 0,
    first: (flags & 2) !== 0,
    last: (flags & 4) !== 0,
    granule: Number(view.getBigInt64(6, true)),
    checksum: view.getUint32(22, true),
    lacing,
    dataStart,
    end: lacing.reduce((sum, size) => sum + size, dataStart),
  }
}

/** Reads the pages of a file, and notes what is odd about it. */
export class OggReader {
  /** Whether the file ends before the page that is marked as the last. */
  cut = false
  /** Whether anything follows the streams, such as a tag that a program has appended. */
  #hasRest = false
  readonly #bytes: Uint8Array
  readonly #where: string

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes
    this.#where = where
  }

  /** Notes on what `links` found odd. */
  get notes(): readonly string[] {
    if (this.cut) return ['The file ends before its stream does: read to its last whole page.']
    return this.#hasRest ? [REST] : []
  }

  /**
   * The streams whose first packet `accepts` takes, link after link. Streams multiplexed with them, such as video, are
   * left out.
   *
   * @throws DiffWaveError `BAD_AUDIO` (a damaged page), `TOO_LARGE` (too many streams)
   */
  links(accepts: (firstPacket: Uint8Array) => boolean): OggLink[] {
    const links: OggLink[] = []
    const most = MAX_SHORT_LINKS + Math.floor(this.#bytes.length / MIN_LINK_BYTES)
    let pages: number[] = []
    let serial: number | null = null
    let ended = true
    for (let page = this.#page(0), at = 0; page !== null; page = this.#page(at)) {
      const head = this.#bytes.subarray(page.dataStart, page.end)
      // A stream that begins after another's packets is the next link. One that begins beside another is left out.
      if (page.first && (ended || pages.length > 1) && accepts(head)) {
        if (links.length === most) throw this.#tooMany(most)
        pages = []
        links.push({ head, bytes: this.#bytes, pages })
        serial = page.serial
        ended = false
      }
      if (page.serial === serial && !ended) {
        pages.push(at)
        ended = page.last
      }
      at = page.end
      this.#hasRest = links.length > 0 && ended && at < this.#bytes.length && !this.#isPage(at)
      if (this.#hasRest) break
    }
    if (!ended) this.cut = true
    return links
  }

  /** The page at an offset; null at the end of the file, or if the page is truncated. */
  #page(at: number): Page | null {
    const bytes = this.#bytes
    if (at >= bytes.length) return null
    if (at + HEADER > bytes.length) return this.#cutOff()
    if (!this.#isPage(at) || bytes[at + 4] !== 0) throw this.#bad('a page is missing', at)
    const page = pageAt(bytes, at)
    if (page.end > bytes.length) return this.#cutOff()
    // The checksum is computed with its own four bytes set to zero.
    const head = crc32(NO_CHECKSUM, 0, NO_CHECKSUM.length, crc32(bytes, at, at + 22))
    if (crc32(bytes, at + 26, page.end, head) !== page.checksum) throw this.#bad('a page is damaged', at)
    return page
  }

  #isPage(at: number): boolean {
    return String.fromCharCode(...this.#bytes.subarray(at, at + 4)) === 'OggS'
  }

  #cutOff(): null {
    this.cut = true
    return null
  }

  #tooMany(most: number): DiffWaveError {
    return new DiffWaveError('TOO_LARGE', 'the Ogg file has too many streams one after the other', {
      expected: `at most ${most} for its size`,
      where: this.#where,
      hint: CONVERT_HINT,
    })
  }

  #bad(problem: string, at: number): DiffWaveError {
    return new DiffWaveError('BAD_AUDIO', `the Ogg file cannot be decoded: ${problem}`, {
      where: `${this.#where}, byte ${at}`,
    })
  }
}

/** Yields the packets of a link. They are not collected, since every byte of a file may be a packet. */
export function* oggPackets({ bytes, pages }: OggLink): Generator<OggPacket, void, undefined> {
  let parts: Uint8Array[] = []
  for (const start of pages) {
    const page = pageAt(bytes, start)
    // The rest of a packet whose beginning is missing is dropped.
    let dropping = page.continued && parts.length === 0
    if (!page.continued) parts = []
    let at = page.dataStart
    const lastEnd = page.lacing.findLastIndex(size => size < 255)
    for (const [index, size] of page.lacing.entries()) {
      if (!dropping) parts.push(bytes.subarray(at, at + size))
      at += size
      if (size === 255) continue
      if (!dropping)
        yield { data: joined(parts), granule: index === lastEnd && page.granule >= 0 ? page.granule : null }
      dropping = false
      parts = []
    }
  }
}

/** Joins the parts of a packet. Most packets lie on one page and are not copied. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : concatenateBytes(parts)
}
