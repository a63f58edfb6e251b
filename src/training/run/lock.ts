/**
 * Allows one trainer per folder. `lock.json` names the process that holds the folder.
 *
 * If several processes take over the lock of a dead holder, exactly one must succeed. "Look, remove, create" does not
 * guarantee that: a second process may remove the file that the first has just created. So a process that wants the
 * lock first puts a claim beside it, a file with a name that is never used again. It goes on only if no other living
 * process has a claim (Lamport's "announce, then look"). Of two claims, the one with the lower name stays. Only the
 * process whose claim stays works on `lock.json`.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { type FileHandle, open, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DiffWaveError } from '../../core/errors.js'
import { fileError } from '../../core/file-error.js'
import {
  identityTag,
  liveness,
  ownIdentity,
  type ProcessIdentity,
  parseIdentityTag,
} from '../../core/process-identity.js'
import { readFileBytes } from '../../core/read-file.js'
import { removeFile } from '../../core/remove-file.js'
import { atSuddenEnd } from '../../core/sudden-end.js'
import { writeFileBytes } from '../../core/write-file.js'

const FILE = 'lock.json'
/** Max size of a lock in bytes. A lock has some 100 bytes, and longer files are not locks. */
const MAX_LOCK_BYTES = 4096
const CLAIM = /^lock\.(.*)\.[0-9a-f]{12}\.claim$/
/**
 * Milliseconds between two updates of the lock's time by its holder. Processes in other containers or on other machines
 * cannot see the holder, but they see this time.
 */
const HEARTBEAT_MS = 500
/** Milliseconds without an update of the lock's time after which a holder that cannot be seen counts as dead. */
const PATIENCE_MS = 2_500
/** Max milliseconds to wait for the claims of other processes, which usually last a few milliseconds. */
const MAX_WAIT_MS = 30_000
/** Milliseconds without a write to a claim after which its process, if it cannot be seen, counts as dead. */
const CLAIM_MS = 5_000

/** A lock on a folder that this process holds. */
export interface FolderLock {
  /**
   * Makes sure that the lock is still held.
   *
   * @throws DiffWaveError `LOCKED` if another process took this one for dead and has taken over the folder, or if the
   * lock was removed
   */
  assertHeld(): Promise<void>
  /** Releases the folder. @throws DiffWaveError `NOT_WRITABLE` */
  release(): Promise<void>
}

/**
 * Tokens of the locks that this thread holds. A worker thread that was terminated leaves a lock behind although its
 * process is alive: such a lock is not in this set.
 */
const heldHere = new Set<string>()

interface Holder extends ProcessIdentity {
  readonly token: string | null
}

/**
 * Takes a folder's lock.
 *
 * @throws DiffWaveError `LOCKED`, `NOT_WRITABLE`, `DISK_FULL`
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, FILE)
  const token = randomBytes(6).toString('hex')
  const holder: Holder = { ...ownIdentity(), token }
  const forget = atSuddenEnd(() => {
    if (holderIn(readFileSync(path, 'utf8'))?.token === token) rmSync(path)
  })
  try {
    await withClaim(folder, async () => {
      const other = await readHolder(path)
      if (other !== null && (await isHeld(path, other))) throw locked(folder, other.pid)
      await writeFileBytes(path, JSON.stringify(holder))
    })
  } catch (error) {
    forget()
    throw error
  }
  heldHere.add(token)
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {})
  }, HEARTBEAT_MS)
  heartbeat.unref()
  return {
    async assertHeld() {
      const now = await readHolder(path)
      if (now?.token === token) return
      throw now === null ? lockLost(folder) : locked(folder, now.pid)
    },
    async release() {
      clearInterval(heartbeat)
      heldHere.delete(token)
      if ((await readHolder(path))?.token === token) await removeFile(path)
      forget()
    },
  }
}

function locked(folder: string, pid?: number): DiffWaveError {
  return new DiffWaveError('LOCKED', 'another trainer works in this folder', {
    ...(pid === undefined ? {} : { got: `process ${pid}` }),
    where: folder,
    hint: 'Wait for it, stop it, or use another folder.',
  })
}

function lockLost(folder: string): DiffWaveError {
  return new DiffWaveError('LOCKED', 'the lock of this run is gone', {
    expected: `${FILE} as this process wrote it`,
    where: folder,
    hint: 'Leave the run folder where it is while a run works in it.',
  })
}

/**
 * Runs `work` while no other process runs it in this folder.
 *
 * @throws DiffWaveError `LOCKED`, `NOT_WRITABLE`
 */
async function withClaim(folder: string, work: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + MAX_WAIT_MS
  while (Date.now() < deadline) {
    const claim = await Claim.place(folder)
    try {
      if (await claim.prevails(deadline)) return await work()
    } finally {
      await claim.remove()
    }
    await delay(1 + (randomBytes(1)[0]! % 10))
  }
  throw locked(folder)
}

/** A file that says who wants the lock. It is written again and again, for processes that cannot see its process. */
class Claim {
  readonly #folder: string
  readonly #name: string
  readonly #handle: FileHandle
  readonly #heartbeat: NodeJS.Timeout
  readonly #forget: () => void
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(folder: string, name: string, handle: FileHandle, forget: () => void) {
    this.#forget = forget
    this.#folder = folder
    this.#name = name
    this.#handle = handle
    this.#heartbeat = setInterval(() => {
      // Each write goes to the same place, so that the file stays at one byte. If the disk is full, the write fails,
      // and the process looks dead to processes that cannot see it. If it has the lock, they still see the lock's time.
      this.#writing = this.#handle.write(' ', 0).catch(() => {})
    }, HEARTBEAT_MS)
    this.#heartbeat.unref()
  }

  /**
   * Puts a claim into a folder.
   *
   * @throws DiffWaveError `NOT_WRITABLE`, `DISK_FULL`
   */
  static async place(folder: string): Promise<Claim> {
    const name = `lock.${identityTag(ownIdentity())}.${randomBytes(6).toString('hex')}.claim`
    const path = join(folder, name)
    const forget = atSuddenEnd(() => rmSync(path, { force: true }))
    try {
      return new Claim(folder, name, await open(path, 'wx'), forget)
    } catch (error) {
      forget()
      throw fileError(error, path, 'write')
    }
  }

  /**
   * Waits until this is the only claim.
   *
   * @returns false if another claim goes first, or the time is over
   */
  async prevails(deadline: number): Promise<boolean> {
    while (Date.now() < deadline) {
      const others = await this.#others()
      if (others === null || others.some(other => other < this.#name)) return false
      if (others.length === 0) return true
      await delay(1)
    }
    return false
  }

  async remove(): Promise<void> {
    clearInterval(this.#heartbeat)
    await this.#writing
    await this.#handle.close()
    await removeFile(join(this.#folder, this.#name))
    this.#forget()
  }

  /**
   * Lists the claims of other living processes. Claims of dead processes are removed, as their names are never used
   * again. Null if another process took this one for dead and removed its claim.
   *
   * @throws DiffWaveError `NOT_WRITABLE`
   */
  async #others(): Promise<string[] | null> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      throw fileError(error, this.#folder, 'write')
    })
    if (!names.includes(this.#name)) return null
    const living: string[] = []
    for (const name of names) {
      const tag = CLAIM.exec(name)?.[1]
      const claimant = tag === undefined || name === this.#name ? null : parseIdentityTag(tag)
      if (claimant === null) continue
      // One that cannot be removed, for example of another user, does no harm.
      if (await this.#isOver(claimant, name)) await rm(join(this.#folder, name), { force: true }).catch(() => {})
      else living.push(name)
    }
    return living
  }

  async #isOver(claimant: ProcessIdentity, name: string): Promise<boolean> {
    const state = liveness(claimant)
    // A worker thread of this process may have been terminated. Its claim is judged like that of a process that cannot
    // be seen.
    if (state === 'dead' || (state === 'alive' && claimant.pid !== process.pid)) return state === 'dead'
    // Both times are from the clock of the folder's file system.
    const [theirs, ours] = await Promise.all([
      stat(join(this.#folder, name)).catch(() => null),
      this.#handle.stat().catch(() => null),
    ])
    return theirs !== null && ours !== null && ours.mtimeMs - theirs.mtimeMs > CLAIM_MS
  }
}

/**
 * Whether a holder is alive. If its process cannot be seen, its lock is watched until its time changes or `PATIENCE_MS`
 * are over.
 */
async function isHeld(path: string, holder: Holder): Promise<boolean> {
  const state = liveness(holder)
  const isOfOtherThread = holder.pid === process.pid && !heldHere.has(holder.token ?? '')
  if (state !== 'unknown' && !isOfOtherThread) return state === 'alive'
  if (state === 'dead') return false
  const touched = async () => (await stat(path).catch(() => null))?.mtimeMs
  const before = await touched()
  for (let waited = 0; waited < PATIENCE_MS; waited += HEARTBEAT_MS) {
    await delay(HEARTBEAT_MS)
    if ((await touched()) !== before) return true
  }
  return false
}

/** Reads the holder from a lock. Null if the file is missing, empty or damaged, for example after a power cut. */
async function readHolder(path: string): Promise<Holder | null> {
  const bytes = await readFileBytes(path, { maxBytes: MAX_LOCK_BYTES }).catch(() => null)
  return bytes === null ? null : holderIn(Buffer.from(bytes).toString())
}

/** The holder that the text of a lock names; null if it is damaged. */
function holderIn(text: string): Holder | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
    const { pid, started, place, token } = value as Record<string, unknown>
    if (typeof pid !== 'number' || !Number.isInteger(pid)) return null
    const textOf = (field: unknown) => (typeof field === 'string' ? field : null)
    return { pid, started: textOf(started), place: textOf(place), token: textOf(token) }
  } catch {
    return null
  }
}
