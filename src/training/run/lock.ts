/** One trainer a folder: a lock file with the owner's process id and start time, so that a dead owner's lock is recognised. */
import { readFileSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DiffWaveError } from '../../core/errors.js'
import { fileError } from '../../core/files.js'

const FILE = 'lock.json'

/** When a process started, in the kernel's own count (proc(5), field 22 of stat); null where the system does not say. */
function startTime(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

function isAlive(owner: { pid: number; started: string | null }): boolean {
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
  }
  return owner.started === null || startTime(owner.pid) === owner.started
}

/** Takes a folder's lock; gives what releases it. @throws DiffWaveError `LOCKED`, `NOT_WRITABLE` */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, FILE)
  const mine = JSON.stringify({ pid: process.pid, started: startTime(process.pid) })
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(path, mine, { flag: 'wx' })
      return () => rm(path, { force: true })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw fileError(error, path, 'write')
    }
    const owner = await readOwner(path)
    if (owner !== null && isAlive(owner)) {
      throw new DiffWaveError('LOCKED', 'another trainer works in this folder', {
        got: `process ${owner.pid}`,
        where: folder,
        hint: 'Wait for it, stop it, or give another folder.',
      })
    }
    await rm(path, { force: true })
  }
  throw new DiffWaveError('LOCKED', 'another trainer took this folder just now', { where: folder })
}

async function readOwner(path: string): Promise<{ pid: number; started: string | null } | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (typeof value !== 'object' || value === null || !('pid' in value) || !Number.isInteger(value.pid)) return null
    const started = 'started' in value && typeof value.started === 'string' ? value.started : null
    return { pid: Number(value.pid), started }
  } catch {
    // Half-written by a process that was killed: nobody's.
    return null
  }
}
