/** Python for tests of what is in Python. They are skipped if the modules that they need are not installed. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

const { DIFFWAVE_PYTHON: interpreter } = process.env

/** Interpreters to try, in order. DIFFWAVE_PYTHON names one in place of the first. */
export const interpreters: readonly string[] = [interpreter ?? 'python3', '/usr/bin/python3']

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The first Python that can import some modules; null if none can. */
export function pythonWith(modules: string): string | null {
  return interpreters.find(path => spawnSync(path, ['-c', `import ${modules}`]).status === 0) ?? null
}

/** Runs a program, given as text. */
export async function runPython(python: string, program: string, args: readonly string[] = []): Promise<Ended> {
  const child = spawn(python, ['-c', program, ...args])
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const [status] = await once(child, 'close')
  return { status, stdout, stderr }
}
