/**
 * Runs programs as modules of one process, one after the other. To load the package, which this process does once,
 * takes longer than most programs.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { pathToFileURL } from 'node:url'
import { scratchFolder } from './scratch.js'

const PROGRAM = `
  let output = ''
  process.stdout.write = process.stderr.write = (chunk, ...more) => {
    output += chunk
    const done = more.at(-1)
    if (typeof done === 'function') queueMicrotask(() => done())
    return true
  }
  process.exit = status => {
    throw 'exit ' + status
  }
  process.on('message', async ({ folder, module, args }) => {
    process.chdir(folder)
    process.argv = [process.execPath, '', ...args]
    let error = ''
    try {
      await import(module)
    } catch (thrown) {
      error = String(thrown?.stack ?? thrown)
    }
    process.send({ output, error })
    output = ''
  })`

/** How a program ended. */
export interface ModuleEnd {
  /** What it wrote to standard output and standard error as text. */
  readonly output: string
  /** What it threw, or `exit N` if it ended itself with a status; empty if it ended well. */
  readonly error: string
}

export interface ModuleRunner {
  /** Runs a module to its end. @param folder its current folder */
  run(path: string, args?: readonly string[], folder?: string): Promise<ModuleEnd>
  /** Ends the process, which must have nothing left to do. @returns its exit status; null if it did not end itself */
  end(): Promise<number | null>
}

/** The process starts with the first module. Call it outside a test. */
export function moduleRunner(): ModuleRunner {
  const program = join(scratchFolder('modules'), 'program.mjs')
  let child: ChildProcess | undefined
  let count = 0
  after(() => child?.kill('SIGKILL'))
  return {
    async run(path, args = [], folder = process.cwd()) {
      if (child === undefined) {
        writeFileSync(program, PROGRAM)
        // Programs run WebAssembly too briefly to make up for the optimisation of its code.
        child = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: ['--liftoff-only'] })
      }
      // A module of another name is run again.
      child.send({ folder, module: `${pathToFileURL(path).href}?${count++}`, args })
      const done = new AbortController()
      const [end] = await Promise.race([
        once(child, 'message', done),
        once(child, 'exit', done).then(([status]) => [{ output: '', error: `ended with status ${status}` }]),
      ]).finally(() => done.abort())
      return end as ModuleEnd
    },
    async end() {
      if (child === undefined) return 0
      const exited = once(child, 'exit')
      child.disconnect()
      const [status] = await exited
      child = undefined
      return status as number | null
    },
  }
}
