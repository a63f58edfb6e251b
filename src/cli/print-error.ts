/** Prints errors: a line and a hint for people, one line of JSON with `--json`. */
import { DiffWaveError } from '../core/errors.js'
import { colours } from './colours.js'
import type { GlobalOptions } from './context.js'
import { withGivenNames } from './inputs/given-names.js'
import { jsonLine, printable } from './text.js'

const FAULT = 'This is a fault of diffwave itself; --debug prints where.'

/** @param options `json` selects the form; `debug` adds the stack and the causes */
export function printError(error: unknown, { json, debug }: Pick<GlobalOptions, 'json' | 'debug'>): void {
  const known = error instanceof DiffWaveError ? error : null
  const message = withGivenNames(error instanceof Error ? error.message : String(error))
  const code = known?.code ?? 'INTERNAL'
  const hint = known === null ? FAULT : given(known.hint)
  const stacks = debug ? stacksOf(error) : []
  if (json) {
    const [expected, got, where] = [known?.expected, known?.got, known?.where].map(given)
    const more = stacks.length === 0 ? {} : { stacks }
    process.stderr.write(`${jsonLine({ error: message, code, expected, got, where, hint, ...more })}\n`)
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
