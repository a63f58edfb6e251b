// Reads files of the repository, and writes a scratch file for readers that need a path.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../compile.mjs'

export const file = path => new Uint8Array(readFileSync(join(root, path)))
export const golden = path => file(`test/golden/${path}`)

/** Folder of this process, removed at its end. */
export const scratch = mkdtempSync(join(tmpdir(), 'diffwave-fuzz-files-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

/** Writes bytes to a file in the scratch folder, and returns its path. */
export function written(name, bytes) {
  const path = join(scratch, name)
  writeFileSync(path, bytes)
  return path
}
