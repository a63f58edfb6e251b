/** Named pipes, whose `open` waits for the other end. */
import { closeSync, constants, openSync, statSync } from 'node:fs'

/**
 * Ends an `open` that waits for the other end of a named pipe, which no signal reaches: this process is the other end
 * for a moment. Does nothing for other files.
 */
export function releasePipe(path: string): void {
  try {
    if (statSync(path).isFIFO()) closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK))
  } catch {
    // It is gone, or somebody else's.
  }
}
