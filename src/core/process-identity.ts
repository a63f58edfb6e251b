/**
 * Which process made a file, and whether it still runs. A process id is not enough: ids are reused, and in every
 * container the first process is number 1. So an identity also has the start time, and the place, which is the boot and
 * the pid namespace.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { systemCode } from './system-code.js'

/** A process, distinguished from all others that had or will have its id. */
export interface ProcessIdentity {
  readonly pid: number
  /** Start time in clock ticks since the boot (proc(5), field 22 of stat); null if the system does not say. */
  readonly started: string | null
  /** The boot and the pid namespace, in which the id counts; null if the system does not say. */
  readonly place: string | null
}

/** What is known of a process: `unknown` if it belongs to another pid namespace or another boot or machine. */
export type Liveness = 'alive' | 'dead' | 'unknown'

function textOrNull(read: () => string): string | null {
  try {
    return read()
  } catch {
    return null
  }
}

/** Fields of /proc/PID/stat from the third on; the second, in brackets, may contain anything. */
function statFields(pid: number | 'self'): readonly string[] | null {
  const text = textOrNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

let own: ProcessIdentity | null = null

/** The running process. */
export function ownIdentity(): ProcessIdentity {
  if (own !== null) return own
  const namespace = textOrNull(() => readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''))
  const boot = textOrNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8))
  own = {
    pid: process.pid,
    started: statFields('self')?.[19] ?? null,
    place: namespace === null || boot === null ? null : `${boot}.${namespace}`,
  }
  return own
}

/** Whether a process still runs. One that has ended but that its parent has not waited for (a zombie) does not. */
export function liveness({ pid, started, place }: ProcessIdentity): Liveness {
  const self = ownIdentity()
  if (place !== null && place !== self.place) return 'unknown'
  if (pid === self.pid) return started === null || started === self.started ? 'alive' : 'dead'
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return 'dead'
  }
  // Without a /proc of its own namespace a container sees the processes of another.
  if (textOrNull(() => readlinkSync('/proc/self')) !== String(self.pid)) return 'alive'
  const fields = statFields(pid)
  if (fields === null) return 'alive'
  const isZombie = fields[0] === 'Z' || fields[0] === 'X'
  return isZombie || (started !== null && fields[19] !== started) ? 'dead' : 'alive'
}

/** Source of the pattern of a tag, for the patterns of whole file names. It has no groups of its own. */
export const TAG_PATTERN = String.raw`\d+-\d*-(?:[0-9a-f]{8}\.\d+)?`

/** An identity as part of a file name. */
export function identityTag({ pid, started, place }: ProcessIdentity): string {
  return `${pid}-${started ?? ''}-${place ?? ''}`
}

/** The identity in a tag; null if the text is not a tag. */
export function parseIdentityTag(tag: string): ProcessIdentity | null {
  const match = /^(\d+)-(\d*)-([0-9a-f]{8}\.\d+|)$/.exec(tag)
  return match === null ? null : { pid: Number(match[1]), started: match[2] || null, place: match[3] || null }
}
