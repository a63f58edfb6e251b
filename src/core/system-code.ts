/** The codes of Node.js's own errors. */
import { isError } from './any-realm.js'

/** The code of an error, as `ENOENT`; empty if it has none. */
export function systemCode(error: unknown): string {
  return isError(error) && 'code' in error ? String(error.code) : ''
}

/** The first line of what an error says. */
export function firstLine(error: unknown): string {
  return isError(error) ? error.message.split('\n')[0]! : String(error)
}

/** What the system says is wrong, as `permission denied`: the message of its error without the code and the call. */
export function systemReason(error: unknown): string {
  const message = firstLine(error)
  return /^[A-Z0-9]+: (.+?), /.exec(message)?.[1] ?? message
}
