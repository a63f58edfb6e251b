/** A thread that runs commands, one after the other. See `called` in process.ts. */
import { Readable } from 'node:stream'
import { type MessagePort, workerData } from 'node:worker_threads'
import { run } from '#src/cli/run'

/** What the thread and its caller share. */
export interface Shared {
  /** Takes calls, and returns answers. */
  readonly port: MessagePort
  /** Is set to 1 with each answer. */
  readonly answered: Int32Array
}

/** A call of the command line. */
export interface Call {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** What is typed on the terminal; undefined: there is no terminal. */
  readonly typed: string | undefined
}

/** How a call ended. The status is null if the thread had an error. */
export interface Answer {
  readonly status: number | null
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
}

const { port, answered } = workerData as Shared
const printed = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
for (const name of ['stdout', 'stderr'] as const) {
  process[name].write = (chunk: string | Uint8Array, ...more: unknown[]) => {
    printed[name].push(Buffer.from(chunk as Uint8Array))
    const done = more.at(-1)
    if (typeof done === 'function') queueMicrotask(() => done())
    return true
  }
}

function answer(status: number | null): void {
  const [stdout, stderr] = [printed.stdout, printed.stderr].map(chunks => Buffer.concat(chunks.splice(0)))
  port.postMessage({ status, stdout: stdout!, stderr: stderr! } satisfies Answer)
  Atomics.store(answered, 0, 1)
  Atomics.notify(answered, 0)
}

process.on('uncaughtException', error => {
  printed.stderr.push(Buffer.from(String(error.stack)))
  answer(null)
})

/** Makes standard input and standard error those of a terminal, or not. */
function setTerminal(typed: string | undefined): void {
  const stdin = Object.assign(Readable.from(typed === undefined ? [] : [typed]), { isTTY: typed !== undefined })
  Object.defineProperty(process, 'stdin', { value: stdin, configurable: true })
  process.stderr.isTTY = typed !== undefined
}

port.on('message', async ({ args, env, typed }: Call) => {
  setTerminal(typed)
  const before = { ...process.env }
  Object.assign(process.env, env)
  const status = await run(args, { signal: new AbortController().signal, exitIfEarly: () => {} })
  for (const name of Object.keys(env)) {
    if (before[name] === undefined) delete process.env[name]
    else process.env[name] = before[name]
  }
  answer(status)
})
