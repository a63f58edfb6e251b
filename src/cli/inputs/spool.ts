/** Standard input and pipes as files: most formats cannot be read in one pass. */
import { rmSync } from 'node:fs'
import { type FileHandle, mkdtemp, open as openFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { fileError } from '../../core/file-error.js'
import { MAX_FILE_BYTES } from '../../core/limits.js'
import { atSuddenEnd } from '../../core/sudden-end.js'
import { namedFiles, nameFile } from './given-names.js'
import { withRelease } from './named-pipe.js'

const standardInput = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'])

/** Whether a word names standard input. */
export function isStandardInput(word: string): boolean {
  return standardInput.has(word)
}

/** The temporary folder of this process, created when first needed and removed when the process ends. */
let temporaryFolder: Promise<string> | null = null

/** @throws DiffWaveError `NOT_WRITABLE`, `DISK_FULL` */
async function makeTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'diffwave-')).catch(error => {
    throw fileError(error, tmpdir(), 'write')
  })
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove)
  // A process that dies of a signal has no `exit`.
  atSuddenEnd(remove)
  return folder
}

async function temporary(name: string): Promise<string> {
  temporaryFolder ??= makeTemporaryFolder()
  const path = join(await temporaryFolder, `input-${namedFiles()}`)
  nameFile(path, name)
  return path
}

/**
 * Copies a stream to a temporary file.
 *
 * @param open the stream, called when somebody listens to its errors
 * @returns its path
 * @throws DiffWaveError `BAD_OPTION` (a terminal), `TOO_LARGE`, `ABORTED`, `NOT_READABLE`, `NOT_WRITABLE` and
 * `DISK_FULL` (the folder for temporary files)
 */
export async function spooled(open: () => NodeJS.ReadableStream, name: string, signal: AbortSignal): Promise<string> {
  if (isStandardInput(name) && process.stdin.isTTY) {
    throw new DiffWaveError('BAD_OPTION', 'standard input is a terminal', {
      where: name,
      hint: 'Pipe a file to it, or name one.',
    })
  }
  throwIfAborted(signal)
  const path = await temporary(name)
  const file = await openFile(path, 'wx', 0o600)
  try {
    await withRelease(name, signal, () => copied(open(), file, name, signal))
    throwIfAborted(signal)
    return path
  } catch (error) {
    throwIfAborted(signal)
    throw fileError(error, name, 'read')
  } finally {
    await file.close()
  }
}

/** @throws DiffWaveError `TOO_LARGE`, and what the stream throws */
async function copied(
  stream: NodeJS.ReadableStream,
  file: FileHandle,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const abort = () => (stream as NodeJS.ReadStream).destroy()
  signal.addEventListener('abort', abort, { once: true })
  try {
    let size = 0
    for await (const bytes of stream as AsyncIterable<Uint8Array>) {
      size += bytes.length
      if (size > MAX_FILE_BYTES) {
        throw new DiffWaveError('TOO_LARGE', 'the input is too large', {
          expected: `at most ${MAX_FILE_BYTES} bytes`,
          where: name,
        })
      }
      await file.writeFile(bytes)
    }
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
