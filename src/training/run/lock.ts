/**
 * One trainer per folder: `lock.json` names the process that has it.
 *
 * Taking over a dead holder's lock must let exactly one process in, and "look, remove, create" does not: a second
 * process removes what the first has just created. So whoever wants the lock first puts a claim beside it, a file of a
 * name that is never used again, and goes on only if its claim is the only one of a living process (Lamport's
 * "announce, then look"). Of two claims the one whose name is lower stays. What is done with `lock.json` meanwhile, no
 * other process does.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DiffWaveError } from '../../core/errors.js'
import { fileError, readFileBytes, writeFileBytes } from '../../core/files.js'
import {
  identityTag,
  liveness,
  ownIdentity,
  type ProcessIdentity,
  parseIdentityTag,
} from '../../core/process-identity.js'

const FILE = 'lock.json'
/** A lock has some 100 bytes; what is longer is none. */
const MAX_LOCK_BYTES = 4096
const CLAIM = /^lock\.(.*)\.[0-9a-f]{12}\.claim$/
/**
 * How often a holder touches its lock, for those who cannot see its process: in another container, or on another
 * machine.
 */
const HEARTBEAT_MS = 500
/** A holder that cannot be seen and does not touch its lock for so long is dead. */
const PATIENCE_MS = 2_500
/** So long a claim is waited for, which others keep for a few milliseconds. */
const MAX_WAIT_MS = 30_000
/** A claim of a process that cannot be seen, and that has not been written to for so long, is a dead one's. */
const CLAIM_MS = 5_000

/** A folder's lock while it is held. */
export interface FolderLock {
  /** @throws DiffWaveError `LOCKED` if another process has taken the folder over, having taken this one for dead */
  assertHeld(): Promise<void>
  /** Releases the folder. */
  release(): Promise<void>
}

/** Tokens of the locks that this thread holds: a worker that was terminated leaves its lock to a process that lives. */
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
  await withClaim(folder, async () => {
    const other = await readHolder(path)
    if (other !== null && (await isHeld(path, other))) throw locked(folder, other.pid)
    await writeFileBytes(path, JSON.stringify(holder))
  })
  heldHere.add(token)
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {})
  }, HEARTBEAT_MS)
  heartbeat.unref()
  const isOwn = async () => (await readHolder(path))?.token === token
  return {
    async assertHeld() {
      if (!(await isOwn())) throw locked(folder, (await readHolder(path))?.pid)
    },
    async release() {
      clearInterval(heartbeat)
      heldHere.delete(token)
      if (await isOwn()) await rm(path, { force: true })
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

/** Runs `work` while no other process does so in this folder. @throws DiffWaveError `LOCKED`, `NOT_WRITABLE` */
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

/** A file that says who wants the lock. It is written to again and again, for those who cannot see its process. */
class Claim {
  readonly #folder: string
  readonly #name: string
  readonly #handle: FileHandle
  readonly #heartbeat: NodeJS.Timeout
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(folder: string, name: string, handle: FileHandle) {
    this.#folder = folder
    this.#name = name
    this.#handle = handle
    this.#heartbeat = setInterval(() => {
      // At the same place each time: the file stays at one byte. A full disk lets no heart beat, which then looks dead
      // to those who cannot see the process; they find its lock's own heartbeat if it has the lock.
      this.#writing = this.#handle.write(' ', 0).catch(() => {})
    }, HEARTBEAT_MS)
    this.#heartbeat.unref()
  }

  /** @throws DiffWaveError `NOT_WRITABLE`, `DISK_FULL` */
  static async place(folder: string): Promise<Claim> {
    const name = `lock.${identityTag(ownIdentity())}.${randomBytes(6).toString('hex')}.claim`
    const path = join(folder, name)
    try {
      return new Claim(folder, name, await open(path, 'wx'))
    } catch (error) {
      throw fileError(error, path, 'write')
    }
  }

  /** Waits until this is the only claim. @returns false if another one goes first, or the time is over */
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
    await rm(join(this.#folder, this.#name), { force: true })
  }

  /**
   * The claims of other living processes; those of dead ones are removed, as their names are never used again. Null if
   * somebody took this process for dead and removed its claim.
   */
  async #others(): Promise<string[] | null> {
    const names = await readdir(this.#folder)
    if (!names.includes(this.#name)) return null
    const living: string[] = []
    for (const name of names) {
      const tag = CLAIM.exec(name)?.[1]
      const claimant = tag === undefined || name === this.#name ? null : parseIdentityTag(tag)
      if (claimant === null) continue
      if (await this.#isOver(claimant, name)) await rm(join(this.#folder, name), { force: true })
      else living.push(name)
    }
    return living
  }

  async #isOver(claimant: ProcessIdentity, name: string): Promise<boolean> {
    const state = liveness(claimant)
    // A worker thread of this process may have been terminated, so that its claim says no more than one from afar.
    if (state === 'dead' || (state === 'alive' && claimant.pid !== process.pid)) return state === 'dead'
    // Both times are of the folder's own clock.
    const [theirs, ours] = await Promise.all([
      stat(join(this.#folder, name)).catch(() => null),
      this.#handle.stat().catch(() => null),
    ])
    return theirs !== null && ours !== null && ours.mtimeMs - theirs.mtimeMs > CLAIM_MS
  }
}

/**
 * Whether a holder lives; one whose process cannot be seen is watched until it touches its lock or has not for long
 * enough.
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

/** The holder that the lock's file names; null if there is no file, or it is empty or damaged, as after a power cut. */
async function readHolder(path: string): Promise<Holder | null> {
  try {
    const value: unknown = JSON.parse(Buffer.from(await readFileBytes(path, { maxBytes: MAX_LOCK_BYTES })).toString())
    if (typeof value !== 'object' || value === null) return null
    const { pid, started, place, token } = value as Record<string, unknown>
    if (typeof pid !== 'number' || !Number.isInteger(pid)) return null
    const text = (field: unknown) => (typeof field === 'string' ? field : null)
    return { pid, started: text(started), place: text(place), token: text(token) }
  } catch {
    return null
  }
}
