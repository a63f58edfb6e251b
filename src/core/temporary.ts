/**
 * Temporary files that become others by a rename. Their names say who writes them, so that those a killed process left
 * behind are removed later and those of running ones are not.
 */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  identityTag,
  type Liveness,
  liveness,
  ownIdentity,
  type ProcessIdentity,
  parseIdentityTag,
  TAG_PATTERN,
} from './process-identity.js'
import { atSuddenEnd } from './sudden-end.js'
import { systemCode } from './system-code.js'

/** Names that are tried until one is free; with 48 random bits the second is never needed. */
const ATTEMPTS = 8
/** Characters of the target's name that are kept, so that a name of 255 bytes has a temporary one, too. */
const NAME_CHARACTERS = 40
/** Files of processes that cannot be seen from here, as in another container, are left alone for an hour. */
const UNSEEN_MS = 3_600_000

/** A temporary file. A process that ends at once removes it, until `forget` is called. */
interface TemporaryFile {
  readonly path: string
  readonly handle: FileHandle
  /** To be called once the file is renamed or removed. */
  readonly forget: () => void
}

/** Opens a new file beside `target`. Fails as `open` does. */
export async function openTemporary(target: string, mode?: number): Promise<TemporaryFile> {
  const start = [...basename(target)].slice(0, NAME_CHARACTERS).join('')
  for (let attempt = 1; ; attempt++) {
    const random = randomBytes(6).toString('hex')
    const path = join(dirname(target), `${start}.${identityTag(ownIdentity())}.${random}.tmp`)
    // Before it is there: the process may end while it is opened.
    const forget = atSuddenEnd(() => rmSync(path, { force: true }))
    try {
      return { path, handle: await open(path, 'wx', mode), forget }
    } catch (error) {
      forget()
      if (systemCode(error) !== 'EEXIST' || attempt === ATTEMPTS) throw error
    }
  }
}

const TEMPORARY_NAME = new RegExp(String.raw`\.(${TAG_PATTERN})\.[0-9a-f]{12}\.tmp$`)

/** Who writes a temporary file, from its name; null if it is not named like one. */
function writerOf(name: string): ProcessIdentity | null {
  const tag = TEMPORARY_NAME.exec(name)?.[1]
  return tag === undefined ? null : parseIdentityTag(tag)
}

/**
 * Removes the temporary files in a folder that dead processes left.
 *
 * @param exclusive whether the caller alone may write here: then files of processes that cannot be seen are removed at
 * once
 */
export async function removeAbandoned(folder: string, exclusive = false): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    const path = join(folder, name)
    const writer = writerOf(name)
    if (writer !== null && (await isAbandoned(path, liveness(writer), exclusive))) {
      await rm(path, { force: true }).catch(() => {})
    }
  }
}

async function isAbandoned(path: string, writer: Liveness, exclusive: boolean): Promise<boolean> {
  if (writer !== 'unknown') return writer === 'dead'
  if (exclusive) return true
  const status = await stat(path).catch(() => null)
  return status !== null && Date.now() - status.mtimeMs > UNSEEN_MS
}

/** Max number of folders that are remembered. A process may write into new ones for as long as it runs. */
const MAX_TIDIED = 1000
/** Folders that this process has written into, the latest last. */
const tidied = new Set<string>()

/** Removes what dead processes left in a folder, unless this process has done so and remembers it. */
export async function tidyOnce(folder: string): Promise<void> {
  const isTidy = tidied.delete(folder)
  tidied.add(folder)
  if (isTidy) return
  const [oldest] = tidied
  if (tidied.size > MAX_TIDIED) tidied.delete(oldest!)
  await removeAbandoned(folder)
}
