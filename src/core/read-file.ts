/** Reads files whole, or a range of their bytes. */
import type { Stats } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { abortError, DiffWaveError } from './errors.js'
import { fileError, notAFile } from './file-error.js'
import { MAX_FILE_BYTES } from './limits.js'

/**
 * Reads a file. The bytes are in memory of their own.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_FILE`, `NOT_READABLE`, `TOO_LARGE`
 */
export async function readFileBytes(
  path: string,
  options: { readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const maxBytes = options.maxBytes ?? MAX_FILE_BYTES
  try {
    const { size } = await regularFile(path)
    checkSize(size, maxBytes, path)
    if (size >= LARGE_BYTES) return await readBytes(path, { start: 0, end: size }, options.signal)
    return await readFile(path, options.signal === undefined ? {} : { signal: options.signal })
  } catch (error) {
    if (options.signal?.aborted) throw abortError(error)
    throw fileError(error, path, 'read')
  }
}

/** @throws DiffWaveError `NOT_A_FILE`, and what the file system says */
async function regularFile(path: string): Promise<Stats> {
  const status = await stat(path)
  if (status.isDirectory()) throw notAFile(path)
  if (!status.isFile()) throw new DiffWaveError('NOT_A_FILE', 'this is not a regular file', { where: path })
  return status
}

/** @throws DiffWaveError `TOO_LARGE` */
function checkSize(size: number, maxBytes: number, path: string): void {
  if (size <= maxBytes) return
  throw new DiffWaveError('TOO_LARGE', 'the file is too large', {
    expected: `at most ${maxBytes} bytes`,
    got: String(size),
    where: path,
  })
}

/**
 * From this size on, a file is read in pieces of up to `READ_BYTES`, because Node's own `readFile` reads only 2 ** 19
 * bytes at a time.
 */
const LARGE_BYTES = 2 ** 20
/** Max number of bytes per piece. The signal is checked between two pieces. */
const READ_BYTES = 2 ** 26

/** Reads bytes `start` to `end` − 1 of a file, or those of them that it has. */
async function readBytes(
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const bytes = Buffer.allocUnsafeSlow(end - start)
    let read = 0
    while (read < bytes.length) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(bytes, read, Math.min(bytes.length - read, READ_BYTES), start + read)
      if (bytesRead === 0) break
      read += bytesRead
    }
    return bytes.subarray(0, read)
  } finally {
    await file.close()
  }
}

/**
 * Reads bytes `start` to `end` − 1 of a file, or those of them that it has.
 *
 * @returns the bytes, and the size of the whole file
 * @throws DiffWaveError as `readFileBytes`
 */
export async function readFileRange(
  path: string,
  range: { readonly start: number; readonly end: number },
  { maxBytes = MAX_FILE_BYTES, signal }: { readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<{ readonly bytes: Uint8Array; readonly size: number }> {
  try {
    const { size } = await regularFile(path)
    const end = Math.max(range.start, Math.min(range.end, size))
    checkSize(end - range.start, maxBytes, path)
    return { bytes: await readBytes(path, { start: range.start, end }, signal), size }
  } catch (error) {
    if (signal?.aborted) throw abortError(error)
    throw fileError(error, path, 'read')
  }
}
