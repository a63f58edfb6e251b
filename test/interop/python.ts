/** Python with PyTorch, as a process, for the tests of interop/pytorch. Where there is none they are skipped. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { inRepository } from '../support/paths.js'

const { DIFFWAVE_PYTHON: interpreter } = process.env

const options = {
  cwd: inRepository('interop/pytorch'),
  env: { ...process.env, OMP_NUM_THREADS: '1', OMP_WAIT_POLICY: 'PASSIVE' },
}

/** The first Python that can import some modules; null if none can. DIFFWAVE_PYTHON names another. */
export function pythonWith(modules: string): string | null {
  const candidates = [interpreter ?? 'python3', '/usr/bin/python3']
  return candidates.find(path => spawnSync(path, ['-c', `import ${modules}`]).status === 0) ?? null
}

/** One that has what the trainer needs. */
const python = pythonWith('torch, scipy, soundfile, torch.optim')
/** One that has PyTorch. */
const withTorch = python ?? pythonWith('torch, torch.optim')

/** What `test` takes to skip where there is no PyTorch. */
export const skipWithoutTorch = withTorch === null ? 'needs a Python with torch' : false

/** What `test` takes to skip where the trainer cannot run. */
export const skip = python === null ? 'needs a Python with torch, scipy and soundfile' : false

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A started module of the package. */
export interface Running {
  kill(): void
  /** Until its output holds some text. */
  until(text: string): Promise<void>
  readonly ended: Promise<Ended>
}

/** Starts `python -m diffwave_torch.MODULE ARGUMENTS`. */
export function start(module: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  return running(['-m', `diffwave_torch.${module}`, ...args], env)
}

/** Runs a program, given as text. @param interpreter default: the Python with PyTorch */
export function evaluate(program: string, args: readonly string[] = [], interpreter?: string): Promise<Ended> {
  return running(['-c', program, ...args], {}, interpreter).ended
}

function running(args: readonly string[], env: Readonly<Record<string, string>>, interpreter = withTorch!): Running {
  const child = spawn(interpreter, args, { cwd: options.cwd, env: { ...options.env, ...env } })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const ended = once(child, 'close').then(([status]) => ({ status, stdout, stderr }))
  return {
    kill: () => child.kill('SIGKILL'),
    async until(text) {
      while (!stdout.includes(text) && child.exitCode === null) await once(child.stdout, 'data')
    },
    ended,
  }
}
