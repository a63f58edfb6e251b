/**
 * Zip archives, as `torch.save` (stored entries) and `np.savez` (stored or deflated ones) write them (PKWARE,
 * APPNOTE.TXT); zipped and inflated by fflate. The directory is read here: fflate's `unzipSync` inflates an entry to
 * its end even if it is a thousand times as long as the directory says, and copies stored ones.
 */
import { Inflate, zipSync } from 'fflate'
import { DiffWaveError } from '../core/errors.js'
import { MAX_ZIP_ENTRIES } from '../core/limits.js'
import { crc32 } from './crc32.js'

/** An archive's directory entry. */
interface ZipEntry {
  readonly name: string
  readonly size: number
  readonly originalSize: number
  /** CRC-32 of the bytes, inflated. */
  readonly checksum: number
  /** 0 stored, 8 deflated. */
  readonly compression: number
  readonly isEncrypted: boolean
  /** Where its own header is, in bytes. */
  readonly header: number
}

/**
 * Every entry's bytes by name. Compressed entries are refused: torch stores its own, so that nothing can unfold beyond
 * the file's size. Checksums are not compared, because torch can leave them out (`set_crc32_options`).
 *
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_ZIP`, `TOO_LARGE`, `UNSUPPORTED_FORMAT`
 */
export function readStoredZip(bytes: Uint8Array, where: string): Map<string, Uint8Array> {
  let total = 0
  return unzip(bytes, where, ({ name, size, originalSize, compression, isEncrypted }) => {
    if (isEncrypted) throw encrypted(name, where)
    if (compression !== 0 || originalSize !== size) {
      throw new DiffWaveError('UNSUPPORTED_FORMAT', `the archive’s entry ${name} is compressed`, {
        where,
        hint: 'torch.save stores its entries uncompressed: unpack the archive and save it with torch again.',
      })
    }
    total += size
    if (total > bytes.length) {
      throw new DiffWaveError('TOO_LARGE', 'the archive declares more than it holds', { where })
    }
    return true
  })
}

/** Names of an archive's entries, in order. @throws DiffWaveError `BAD_ZIP`, `TOO_LARGE` */
export function zipNames(bytes: Uint8Array, where: string): string[] {
  const names: string[] = []
  unzip(bytes, where, ({ name }) => {
    names.push(name)
    return false
  })
  return names
}

/**
 * One entry's bytes, inflated.
 *
 * @param maxBytes of the entry, inflated
 * @throws DiffWaveError `BAD_ZIP` (damaged, or without that entry), `TOO_LARGE`, `UNSUPPORTED_FORMAT` (encrypted, or
 *   another compression than deflate)
 */
export function readZipEntry(bytes: Uint8Array, entry: string, maxBytes: number, where: string): Uint8Array {
  let stated = 0
  const found = unzip(bytes, where, ({ name, size, originalSize, checksum, compression, isEncrypted }) => {
    if (name !== entry) return false
    stated = checksum
    if (isEncrypted) throw encrypted(name, where)
    if (compression !== 0 && compression !== 8) {
      throw new DiffWaveError('UNSUPPORTED_FORMAT', `the archive’s entry ${name} has an unsupported compression`, {
        expected: 'none, or deflate',
        got: `method ${compression}`,
        where,
      })
    }
    // Deflate packs at most 1032 bytes into one (zlib's documentation); a directory that claims more is damaged.
    if (originalSize > maxBytes || originalSize > 1032 * size + 1032 || size > bytes.length) {
      throw new DiffWaveError('TOO_LARGE', `the archive’s entry ${name} is too large`, {
        expected: `at most ${maxBytes} bytes, and no more than its ${size} compressed bytes can hold`,
        got: String(originalSize),
        where,
      })
    }
    return true
  }).get(entry)
  if (found === undefined) throw new DiffWaveError('BAD_ZIP', `the archive has no entry ${entry}`, { where })
  const checksum = crc32(found)
  if (checksum !== stated) {
    throw new DiffWaveError('BAD_ZIP', `the archive’s entry ${entry} is damaged`, {
      expected: `CRC-32 ${stated.toString(16)}`,
      got: checksum.toString(16),
      where,
    })
  }
  return found
}

function encrypted(name: string, where: string): DiffWaveError {
  return new DiffWaveError('UNSUPPORTED_FORMAT', `the archive’s entry ${name} is encrypted`, {
    where,
    hint: 'Unpack the archive with its password, and save it again without one.',
  })
}

/** The contents of the entries that `choose` accepts. Those of stored ones share memory with the archive. */
function unzip(bytes: Uint8Array, where: string, choose: (entry: ZipEntry) => boolean): Map<string, Uint8Array> {
  const names = new Set<string>()
  const contents = new Map<string, Uint8Array>()
  try {
    for (const entry of directory(bytes)) {
      const { name } = entry
      if (names.has(name)) throw new DiffWaveError('BAD_ZIP', `the archive holds ${name} twice`, { where })
      if (names.size >= MAX_ZIP_ENTRIES) {
        throw new DiffWaveError('TOO_LARGE', 'the archive has too many entries', {
          expected: `at most ${MAX_ZIP_ENTRIES}`,
          where,
        })
      }
      names.add(name)
      if (choose(entry)) contents.set(name, contentOf(bytes, entry))
    }
  } catch (error) {
    if (error instanceof DiffWaveError) throw error
    throw new DiffWaveError('BAD_ZIP', 'the zip archive is damaged or cut off', { where, cause: error })
  }
  return contents
}

/** What the parts of an archive begin with. */
const [LOCAL, ENTRY, END] = [0x04034b50, 0x02014b50, 0x06054b50]
const [END_64, LOCATOR_64] = [0x06064b50, 0x07064b50]
/** Bytes of the end of the directory, and of the longest comment after it. */
const [END_BYTES, MAX_COMMENT] = [22, 65_535]
const ENTRY_BYTES = 46
/** Stands for a number of 64 bits in the field after the name. */
const IN_FIELD_64 = 0xffffffff
const FIELD_64 = 1
/** Flags of an entry: it is encrypted, its name is UTF-8. */
const [ENCRYPTED, UTF8] = [1, 0x800]

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const uint64 = (view: DataView, at: number) => Number(view.getBigUint64(at, true))

/** The entries of the directory, in order. @throws RangeError if it is damaged */
function* directory(bytes: Uint8Array): Generator<ZipEntry, void, undefined> {
  const view = viewOf(bytes)
  const { count, start } = directoryPlace(view)
  for (let i = 0, at = start; i < count; i++) {
    requirePart(view, at, ENTRY)
    const short = (field: number) => view.getUint16(at + field, true)
    const [name, fields, comment] = [short(28), short(30), short(32)]
    const afterName = at + ENTRY_BYTES + name
    const flags = short(8)
    const decoder = new TextDecoder((flags & UTF8) === 0 ? 'latin1' : 'utf-8')
    const long = longNumbers(view, afterName, fields)
    const number = (field: number) => {
      const value = view.getUint32(at + field, true)
      return value === IN_FIELD_64 ? long() : value
    }
    // In the order in which the longer numbers follow one another.
    const [originalSize, size, header] = [number(24), number(20), number(42)]
    yield {
      name: decoder.decode(bytes.subarray(at + ENTRY_BYTES, afterName)),
      size,
      originalSize,
      checksum: view.getUint32(at + 16, true),
      compression: short(10),
      isEncrypted: (flags & ENCRYPTED) !== 0,
      header,
    }
    at = afterName + fields + comment
  }
}

/** Where the directory begins, and how many entries it has, from the end of the archive. */
function directoryPlace(view: DataView): { readonly count: number; readonly start: number } {
  let end = view.byteLength - END_BYTES
  const least = Math.max(0, end - MAX_COMMENT)
  while (end >= least && view.getUint32(end, true) !== END) end--
  if (end < least) throw new RangeError('the end of the directory is missing')
  if (end < 20 || view.getUint32(end - 20, true) !== LOCATOR_64) {
    return { count: view.getUint16(end + 8, true), start: view.getUint32(end + 16, true) }
  }
  const long = uint64(view, end - 12)
  requirePart(view, long, END_64)
  return { count: uint64(view, long + 32), start: uint64(view, long + 48) }
}

/** Returns a function that gives the numbers of 64 bits of an entry, one after the other. */
function longNumbers(view: DataView, fields: number, bytes: number): () => number {
  let at = fields
  const end = fields + bytes
  while (at + 4 <= end && view.getUint16(at, true) !== FIELD_64) at += 4 + view.getUint16(at + 2, true)
  at += 4
  return () => {
    if (at + 8 > end) return IN_FIELD_64
    at += 8
    return uint64(view, at - 8)
  }
}

/** @throws RangeError */
function requirePart(view: DataView, at: number, signature: number): void {
  if (view.getUint32(at, true) !== signature) throw new RangeError(`no part of an archive at byte ${at}`)
}

/** @throws RangeError, or fflate's error, if the entry is damaged or has another size than the directory says */
function contentOf(bytes: Uint8Array, { header, size, originalSize, compression }: ZipEntry): Uint8Array {
  const view = viewOf(bytes)
  requirePart(view, header, LOCAL)
  const start = header + HEADER_BYTES + view.getUint16(header + 26, true) + view.getUint16(header + 28, true)
  const content = bytes.subarray(start, start + size)
  if (content.length !== size) throw new RangeError('an entry is cut off')
  if (compression !== 0) return inflated(content, originalSize)
  if (size !== originalSize) throw new RangeError('a stored entry has two sizes')
  return content
}

/** Bytes that are inflated at a time: at least and at most. Deflate turns one into 1032 at most. */
const [SMALLEST_PIECE, LARGEST_PIECE] = [2 ** 8, 2 ** 14]

/** Inflates no further than to the declared size. */
function inflated(deflated: Uint8Array, size: number): Uint8Array {
  const content = new Uint8Array(size)
  let length = 0
  const stream = new Inflate(piece => {
    // Throws if it does not fit.
    content.set(piece, length)
    length += piece.length
  })
  // Little more goes in at a time than is missing, so an entry that is longer than its directory says costs little.
  for (let at = 0, end = 0; at < deflated.length; at = end) {
    end = Math.min(deflated.length, at + Math.max(SMALLEST_PIECE, Math.min(LARGEST_PIECE, size - length)))
    stream.push(deflated.subarray(at, end), end === deflated.length)
  }
  if (length !== size) throw new RangeError('an entry is shorter than the directory says')
  return content
}

/** Bytes to which `torch.save` aligns its entries, so that they can be mapped into memory. */
const ALIGNMENT = 64
/** The extra field that fills up to there: `FB`, as PyTorch has it. */
const PADDING_FIELD = 0x4246
/** Bytes of an entry's header before its name, and of an extra field before its content. */
const [HEADER_BYTES, FIELD_BYTES] = [30, 4]
/** The first moment a zip archive can state, in local time: the same content makes the same bytes. */
const NO_TIME = new Date(1980, 0, 1)

/** An archive of stored entries in the order given, each entry's bytes aligned as PyTorch aligns them. */
export function writeStoredZip(entries: ReadonlyMap<string, Uint8Array>): Uint8Array {
  let end = 0
  const files: Parameters<typeof zipSync>[0] = {}
  for (const [name, bytes] of entries) {
    const start = end + HEADER_BYTES + new TextEncoder().encode(name).length + FIELD_BYTES
    const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT
    files[name] = [bytes, { level: 0, mtime: NO_TIME, extra: { [PADDING_FIELD]: new Uint8Array(padding) } }]
    end = start + padding + bytes.length
  }
  return zipSync(files)
}
