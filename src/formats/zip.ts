/**
 * Zip archives, as `torch.save` (stored entries) and `np.savez` (stored or deflated ones) write them; zipped and
 * unzipped by fflate.
 */
import { unzipSync, zipSync } from 'fflate'
import { DiffWaveError } from '../core/errors.js'
import { MAX_ZIP_ENTRIES } from '../core/limits.js'

/** Whether bytes start as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4
}

/** An archive's directory entry. */
interface ZipEntry {
  readonly name: string
  readonly size: number
  readonly originalSize: number
  /** 0 stored, 8 deflated. */
  readonly compression: number
}

/**
 * Every entry's bytes by name. Compressed entries are refused: torch stores its own, so that nothing can unfold beyond
 * the file's size.
 *
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_ZIP`, `TOO_LARGE`, `UNSUPPORTED_FORMAT`
 */
export function readStoredZip(bytes: Uint8Array, where: string): Map<string, Uint8Array> {
  let total = 0
  return unzip(bytes, where, ({ name, size, originalSize, compression }) => {
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
 * @throws DiffWaveError `BAD_ZIP`, `TOO_LARGE`, `UNSUPPORTED_FORMAT` (another compression than deflate)
 */
export function readZipEntry(bytes: Uint8Array, entry: string, maxBytes: number, where: string): Uint8Array {
  const found = unzip(bytes, where, ({ name, size, originalSize, compression }) => {
    if (name !== entry) return false
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
  return found
}

/** The entries that `choose` accepts, each checked to be as long as its directory says. */
function unzip(bytes: Uint8Array, where: string, choose: (entry: ZipEntry) => boolean): Map<string, Uint8Array> {
  const names = new Set<string>()
  const sizes = new Map<string, number>()
  let files: Record<string, Uint8Array>
  try {
    files = unzipSync(bytes, {
      filter: entry => {
        if (names.has(entry.name))
          throw new DiffWaveError('BAD_ZIP', `the archive holds ${entry.name} twice`, { where })
        if (names.size >= MAX_ZIP_ENTRIES) {
          throw new DiffWaveError('TOO_LARGE', 'the archive has too many entries', {
            expected: `at most ${MAX_ZIP_ENTRIES}`,
            where,
          })
        }
        names.add(entry.name)
        const chosen = choose(entry)
        if (chosen) sizes.set(entry.name, entry.originalSize)
        return chosen
      },
    })
  } catch (error) {
    if (error instanceof DiffWaveError) throw error
    throw new DiffWaveError('BAD_ZIP', 'the zip archive is damaged or cut off', { where, cause: error })
  }
  const entries = new Map(Object.entries(files))
  for (const [name, size] of sizes) {
    if (entries.get(name)?.length !== size) {
      throw new DiffWaveError('BAD_ZIP', `the archive’s entry ${name} is cut off`, { where })
    }
  }
  return entries
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
