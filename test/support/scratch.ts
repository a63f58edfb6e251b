/** Temporary folders for tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Makes a folder that is removed when the process ends. A hook `after` may run sooner: in a process of several files,
 * it runs once the tests known so far have ended, even if a later file still awaits something.
 */
export function scratchFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `diffwave-${name}-`))
  folders.push(folder)
  return folder
}

const folders: string[] = []
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
