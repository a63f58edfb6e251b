/** Prints errors: a line and a hint for people, one line of JSON with `--json`. */
import { DiffWaveError } from '../core/errors.js'
import { colours } from './colours.js'
import type { GlobalOptions } from './context.js'
import { withGivenNames } from './inputs/given-names.js'
import { jsonLine, printable } from './text.js'

const FAULT = 'This is a fault of diffwave itself; --debug prints where.'

/** A removed working directory is no fault of this program: no relative path means anything there. */
function ofWorkingFolder(error: unknown): DiffWaveError | null {
  if (!(error instanceof Error && 'syscall' in error && error.syscall === 'uv_cwd')) return null
  return new DiffWaveError('NOT_READABLE', 'the working directory was removed', {
    hint: 'Change to another one with cd.',
    cause: error,
  })
}

/** @param options `json` selects the form; `debug` adds the stack and the causes */
export function printError(thrown: unknown, { json, debug }: Pick<GlobalOptions, 'json' | 'debug'>): void {
  const error = ofWorkingFolder(thrown) ?? thrown
  const known = error instanceof DiffWaveError ? error : null
  const message = withGivenNames(error instanceof Error ? error.message : String(error))
  const code = known?.code ?? 'INTERNAL'
  const hint = known === null ? FAULT : given(known.hint)
  const stacks = debug ? stacksOf(error) : []
  if (json) {
    const [problem, expected, got, where] = [known?.problem, known?.expected, known?.got, known?.where].map(given)
    const more = stacks.length === 0 ? {} : { stacks }
    process.stderr.write(`${jsonLine({ error: message, code, problem, expected, got, where, hint, ...more })}\n`)
    return
  }
  process.stderr.write(`${colours.red(`error[${code}]:`)} ${printable(message.replaceAll('\n', ' '))}\n`)
  if (hint !== undefined) process.stderr.write(`${colours.cyan('hint:')} ${printable(hint)}\n`)
  for (const stack of stacks) {
    for (const line of stack.split('\n')) process.stderr.write(`${printable(line)}\n`)
  }
}

function given(text: string | undefined): string | undefined {
  return text === undefined ? undefined : withGivenNames(text)
}

/** The stacks of an error and of its causes. */
function stacksOf(error: unknown): string[] {
  const stacks: string[] = []
  for (let next = error; next instanceof Error; next = next.cause) {
    stacks.push(`${stacks.length === 0 ? '' : 'cause: '}${next.stack ?? next.message}`)
  }
  return stacks
}
