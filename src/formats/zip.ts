/** Stored (uncompressed) entries of a zip archive, as `torch.save` writes them; unzipped by fflate. */
import { unzipSync } from 'fflate'
import { DiffWaveError } from '../core/errors.js'
import { MAX_ZIP_ENTRIES } from '../core/limits.js'

/** Whether bytes start as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4
}

/**
 * Every entry's bytes by name. Compressed entries are refused: torch stores its own, so that nothing can unfold beyond the
 * file's size.
 *
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_ZIP`, `TOO_LARGE`, `UNSUPPORTED_FORMAT`
 */
export function readStoredZip(bytes: Uint8Array, where: string): Map<string, Uint8Array> {
  const sizes = new Map<string, number>()
  let total = 0
  let files: Record<string, Uint8Array>
  try {
    files = unzipSync(bytes, {
      filter: ({ name, originalSize, size, compression }) => {
        if (compression !== 0 || originalSize !== size) {
          throw new DiffWaveError('UNSUPPORTED_FORMAT', `the archive’s entry ${name} is compressed`, {
            where,
            hint: 'Checkpoints written by torch.save are stored uncompressed: unpack and save it with torch again.',
          })
        }
        total += size
        if (sizes.has(name)) throw new DiffWaveError('BAD_ZIP', `the archive holds ${name} twice`, { where })
        if (total > bytes.length || sizes.size >= MAX_ZIP_ENTRIES) {
          throw new DiffWaveError('TOO_LARGE', 'the archive declares more than it holds', { where })
        }
        sizes.set(name, size)
        return true
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
