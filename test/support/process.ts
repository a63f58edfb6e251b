/** Runs the command line as a process, and makes files for it. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Answer, Call, Shared } from './command-thread.js'
import { inRepository } from './paths.js'
import { scratchFolder } from './scratch.js'

/** Path of the program that `diffwave` runs. */
export const program = inRepository('dist/cli/main.js')

// Node.js sets it for test files that it runs in a terminal, but tests compare messages without colours.
delete process.env['FORCE_COLOR']

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ProcessOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: Uint8Array | string
}

export interface CalledOptions extends Omit<ProcessOptions, 'input'> {
  /** What is typed on the terminal; default: there is no terminal. */
  readonly typed?: string
}

/** Runs a command to its end. Output is text; see `diffwaveBytes` for audio. */
export function diffwave(args: readonly string[], options: ProcessOptions = {}): Ended {
  const { status, stdout, stderr } = diffwaveBytes(args, options)
  return { status, stdout: stdout.toString(), stderr: stderr.toString() }
}

/** Runs a command whose output is not text. */
export function diffwaveBytes(args: readonly string[], { cwd, env, input }: ProcessOptions = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(input === undefined ? {} : { input }),
    maxBuffer: 2 ** 28,
  })
  return { status, stdout, stderr }
}

let thread: ((call: Call) => Answer) | undefined

function startThread(): (call: Call) => Answer {
  const { port1, port2 } = new MessageChannel()
  const answered = new Int32Array(new SharedArrayBuffer(4))
  const workerData: Shared = { port: port2, answered }
  new Worker(new URL('./command-thread.js', import.meta.url), { workerData, transferList: [port2] }).unref()
  port1.unref()
  return call => {
    Atomics.store(answered, 0, 0)
    port1.postMessage(call)
    if (Atomics.wait(answered, 0, 0, 300_000) === 'timed-out') throw new Error(`no end of ${call.args.join(' ')}`)
    return receiveMessageOnPort(port1)!.message
  }
}

/**
 * Runs a command to its end in a thread of this process, which is three times as fast as a new process. There are two
 * differences: the modules are those of dist/, not the bundle, and there are no signals and no standard input.
 */
export function called(args: readonly string[], options: CalledOptions = {}): Ended {
  const { status, stdout, stderr } = calledBytes(args, options)
  return { status, stdout: stdout.toString(), stderr }
}

/** Runs a command as `called` does. Its standard output is not text. */
export function calledBytes(args: readonly string[], { cwd, env = {}, typed }: CalledOptions = {}) {
  thread ??= startThread()
  // A thread has the current folder of its process.
  const before = cwd === undefined ? undefined : process.cwd()
  if (cwd !== undefined) process.chdir(cwd)
  try {
    const { status, stdout, stderr } = thread({ args, env, typed })
    return { status, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr).toString() }
  } finally {
    if (before !== undefined) process.chdir(before)
  }
}

/** Runs a line of shell in which `diffwave` is the command line. */
export function shell(line: string, cwd: string): Ended {
  const script = `diffwave() { "${process.execPath}" "${program}" "$@"; }\n${line}`
  return spawnSync('bash', ['-c', script], { cwd, encoding: 'utf8' })
}

/** Starts a command, and collects its standard error. */
export function started(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env } })
  let stderr = ''
  child.stderr.on('data', data => {
    stderr += data
  })
  const ended = new Promise<{ status: number | null; stderr: string }>(resolve =>
    child.on('close', (status, signal) => resolve({ status: shellStatus(status, signal), stderr })),
  )
  return { child, ended }
}

/** The status that a shell reports of a process that ended with a status or died of a signal. */
export function shellStatus(status: number | null, signal: NodeJS.Signals | null): number | null {
  return signal === null ? status : 128 + constants.signals[signal]
}

/**
 * Waits until a command has set its signal handlers, on systems with /proc (proc(5), SigCgt of status). It sets them at
 * the same time. Node.js itself catches SIGINT and SIGTERM from the start, but not SIGHUP.
 */
export async function listensToSignals(pid: number): Promise<void> {
  const bit = 1n << BigInt(constants.signals.SIGHUP - 1)
  const caught = () => {
    const [, mask] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
    return (BigInt(`0x${mask}`) & bit) !== 0n
  }
  if (!existsSync(`/proc/${pid}/status`)) return
  while (!caught()) await new Promise(resolve => setTimeout(resolve, 50))
}

/** Parses the lines of JSON that a command printed. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

/** A temporary folder that is removed when the test file ends. */
export interface Scratch {
  readonly folder: string
  /** Returns a path in the folder. */
  at(name: string): string
  /** Writes a file in the folder, with its parent folders. @returns its path */
  put(name: string, bytes: Uint8Array | string): string
}

export function scratch(): Scratch {
  const folder = scratchFolder('test')
  const at = (name: string) => join(folder, name)
  return {
    folder,
    at,
    put: (name, bytes) => {
      mkdirSync(dirname(at(name)), { recursive: true })
      writeFileSync(at(name), bytes)
      return at(name)
    },
  }
}
