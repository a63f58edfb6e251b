/**
 * Python with PyTorch for the tests of interop/pytorch. All runs of a process of tests, also of different files, are
 * copies of one process, which has imported PyTorch once (launcher.py).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { after } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { inRepository } from '../support/paths.js'
import { scratchFolder } from '../support/scratch.js'
import { type Ended, interpreters } from './python.js'

/** A started run. */
export interface Running {
  kill(): void
  /** Until its output holds some text. */
  until(text: string): Promise<void>
  readonly ended: Promise<Ended>
}

/** Messages of launcher.py. */
type Message = { readonly id: number } & ({ readonly pid: number } | { readonly status: number })

class Launcher {
  readonly #child: ChildProcess
  readonly #folder = scratchFolder('python')
  readonly #onMessage = new Map<number, (message: Message) => void>()
  readonly #onMissing: ((missing: readonly string[]) => void)[] = []
  #runs = 0

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Null if the interpreter does not run. */
  static async start(path: string): Promise<Launcher | null> {
    const child = spawn(path, [inRepository('test/interop/launcher.py')], {
      cwd: inRepository('interop/pytorch'),
      env: { ...process.env, OMP_NUM_THREADS: '1', OMP_WAIT_POLICY: 'PASSIVE' },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const lines = createInterface({ input: child.stdout })
    const first = await new Promise<string | null>(resolve => {
      lines.once('line', resolve)
      lines.once('close', () => resolve(null))
      child.once('error', () => resolve(null))
    })
    if (first === null) return null
    const launcher = new Launcher(child)
    lines.on('line', line => {
      const message = JSON.parse(line) as Message | { readonly missing: readonly string[] }
      if ('missing' in message) launcher.#onMissing.shift()?.(message.missing)
      else launcher.#onMessage.get(message.id)?.(message)
    })
    return launcher
  }

  /** Imports modules, for all runs that start later. @returns those that it could not import */
  import(modules: readonly string[]): Promise<readonly string[]> {
    this.#child.stdin!.write(`${JSON.stringify({ modules })}\n`)
    return new Promise(resolve => {
      this.#onMissing.push(resolve)
      this.#child.once('exit', () => resolve(modules))
    })
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }

  run(args: readonly string[], env: Readonly<Record<string, string>>): Running {
    const id = this.#runs++
    const [stdout, stderr] = [`${this.#folder}/${id}.out`, `${this.#folder}/${id}.err`]
    const text = (path: string) => readFileSync(path, { encoding: 'utf8', flag: 'a+' })
    let [pid, isOver, isKilled] = [null as number | null, false, false]
    const ended = new Promise<Ended>(resolve =>
      this.#onMessage.set(id, message => {
        if ('pid' in message) pid = message.pid
        else {
          isOver = true
          resolve({ status: message.status, stdout: text(stdout), stderr: text(stderr) })
        }
        if (isKilled && !isOver) process.kill(pid!, 'SIGKILL')
      }),
    )
    this.#child.stdin!.write(`${JSON.stringify({ id, args, env, stdout, stderr })}\n`)
    return {
      kill() {
        isKilled = true
        if (pid !== null && !isOver) process.kill(pid, 'SIGKILL')
      },
      async until(wanted) {
        while (!text(stdout).includes(wanted) && !isOver) await setTimeout(10)
      },
      ended,
    }
  }
}

export interface PyTorch {
  /** The interpreter, for programs that start it themselves; empty if there is none. */
  readonly python: string
  /** What `test` takes to skip if a module is missing; false if all are there. */
  readonly skip: string | false
  /** Starts `python -m diffwave_torch.MODULE ARGUMENTS`. */
  start(module: string, args: readonly string[], env?: Readonly<Record<string, string>>): Running
  /** Runs a program, given as text. */
  evaluate(program: string, args?: readonly string[]): Promise<Ended>
}

const launchers = new Map<string, Promise<Launcher | null>>()
after(async () => {
  for (const launcher of launchers.values()) (await launcher)?.stop()
})

/** The launcher of an interpreter, which starts only once. */
function launcherOf(path: string): Promise<Launcher | null> {
  const launcher = launchers.get(path) ?? Launcher.start(path)
  launchers.set(path, launcher)
  return launcher
}

/**
 * The first Python that can import some modules. For the top of a test file.
 *
 * @param optional modules to import beforehand, which old versions lack
 */
export async function pytorch(modules: readonly string[], optional: readonly string[] = []): Promise<PyTorch> {
  let [chosen, python] = [null as Launcher | null, '']
  for (const path of interpreters) {
    const launcher = await launcherOf(path)
    if (launcher === null) continue
    const missing = await launcher.import([...modules, ...optional])
    if (modules.some(name => missing.includes(name))) continue
    chosen = launcher
    python = path
    break
  }
  return {
    python,
    skip: chosen === null ? `needs a Python with ${modules.join(', ')}` : false,
    start: (module, args, env = {}) => chosen!.run(['-m', `diffwave_torch.${module}`, ...args], env),
    evaluate: (program, args = []) => chosen!.run(['-c', program, ...args], {}).ended,
  }
}

/** Python with what the trainer of interop/pytorch needs. */
export function trainerPython(): Promise<PyTorch> {
  // Optimisers import torch._dynamo, which takes a second.
  return pytorch(['torch', 'torch.optim', 'scipy.signal', 'soundfile'], ['torch._dynamo'])
}
