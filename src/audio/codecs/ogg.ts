/** Ogg (RFC 3533): the packets of the first audio stream, link after link if streams are chained. */
import { concatenateBytes } from '../../core/concatenate.js'
import { DiffWaveError } from '../../core/errors.js'
import { crc32 } from './crc.js'

/** A packet of a stream. */
export interface OggPacket {
  readonly data: Uint8Array
  /** Samples up to the end of this packet, if it is the last that ends on its page; else null. */
  readonly granule: number | null
}

/** A stream from its first page to its last. */
export interface OggLink {
  /** The first page's bytes behind its header: the first packet, which says what the stream is. */
  readonly head: Uint8Array
  /** Of the file. */
  readonly bytes: Uint8Array
  /** The bytes at which its pages begin, checked. A page may have 27 bytes: to keep more about each would take more. */
  readonly pages: readonly number[]
}

interface Page {
  readonly serial: number
  readonly continued: boolean
  readonly first: boolean
  readonly last: boolean
  /** −1: no packet ends on this page. */
  readonly granule: number
  readonly checksum: number
  readonly lacing: Uint8Array
  readonly dataStart: number
  readonly end: number
}

/** The note on bytes behind the last page. */
const REST = 'What follows the end of the stream is left out.'
/** Bytes of a page's header before its lacing values. */
const HEADER = 27
const NO_CHECKSUM = new Uint8Array(4)

/** The page that begins at a byte, its header being there. */
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

/** The pages of a file, and what is odd about it. */
export class OggReader {
  /** Whether the file ends before the page that its stream says is the last. */
  cut = false
  /** Whether something else follows the streams, as a tag that a program has appended. */
  #hasRest = false
  readonly #bytes: Uint8Array
  readonly #where: string

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes
    this.#where = where
  }

  /** Notes on what `links` has found. */
  get notes(): readonly string[] {
    if (this.cut) return ['The file ends before its stream does: read to its last whole page.']
    return this.#hasRest ? [REST] : []
  }

  /**
   * The streams that `accepts` takes by their first packet, link after link. Streams beside them, as video, are left
   * out.
   *
   * @throws DiffWaveError `BAD_AUDIO` (a damaged page)
   */
  links(accepts: (firstPacket: Uint8Array) => boolean): OggLink[] {
    const links: OggLink[] = []
    let pages: number[] = []
    let serial: number | null = null
    let ended = true
    for (let page = this.#page(0), at = 0; page !== null; page = this.#page(at)) {
      const head = this.#bytes.subarray(page.dataStart, page.end)
      // A stream that begins behind another's packets is the next link; one beside another's beginning is left out.
      if (page.first && (ended || pages.length > 1) && accepts(head)) {
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

  /** The page at a byte; null at the end of the file, or if it is cut off there. */
  #page(at: number): Page | null {
    const bytes = this.#bytes
    if (at >= bytes.length) return null
    const lacingEnd = at + HEADER + (bytes[at + 26] ?? 0)
    if (at + HEADER > bytes.length || lacingEnd > bytes.length) return this.#cutOff()
    if (!this.#isPage(at) || bytes[at + 4] !== 0) {
      throw this.#bad('a page is missing', at)
    }
    const page = pageAt(bytes, at)
    if (page.end > bytes.length) return this.#cutOff()
    // The checksum counts its own four bytes as zeros.
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

  #bad(problem: string, at: number): DiffWaveError {
    return new DiffWaveError('BAD_AUDIO', `the Ogg file cannot be decoded: ${problem}`, {
      where: `${this.#where}, byte ${at}`,
    })
  }
}

/** The packets of a link, one after the other: a byte of a file may be a packet, so that they are not collected. */
export function* oggPackets({ bytes, pages }: OggLink): Generator<OggPacket, void, undefined> {
  let parts: Uint8Array[] = []
  for (const start of pages) {
    const page = pageAt(bytes, start)
    // What is left of a packet whose beginning is missing is of no use.
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

/** Most packets lie on one page: their bytes are not copied. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : concatenateBytes(parts)
}
