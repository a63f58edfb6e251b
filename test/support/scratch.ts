/** A temporary folder for the tests of one file. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** Makes a folder that is removed after the last test of the file. */
export function scratchFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `diffwave-${name}-`))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
