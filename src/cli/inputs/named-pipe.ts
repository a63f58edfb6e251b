/** Named pipes, whose `open` waits for the other end. */
import { closeSync, constants, openSync, statSync } from 'node:fs'
import { throwIfAborted } from '../../core/errors.js'

/** Milliseconds between two attempts to end a wait: the `open` may have been called, but not have begun. */
const AGAIN = 20

/**
 * Runs work that opens a file. If that is a named pipe, a signal ends the wait for the other end.
 *
 * @throws DiffWaveError `ABORTED` if the signal has fired before, and what the work throws
 */
export async function withRelease<T>(path: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  throwIfAborted(signal)
  let timer: NodeJS.Timeout | undefined
  const release = () => {
    releasePipe(path)
    timer = setInterval(() => releasePipe(path), AGAIN)
  }
  signal.addEventListener('abort', release, { once: true })
  try {
    return await work()
  } finally {
    signal.removeEventListener('abort', release)
    clearInterval(timer)
  }
}

/**
 * Ends an `open` that waits for the other end of a named pipe, which no signal reaches: this process is the other end
 * for a moment. Does nothing for other files.
 */
function releasePipe(path: string): void {
  try {
    if (statSync(path).isFIFO()) closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK))
  } catch {
    // It is gone, or somebody else's.
  }
}
