/** Long work on one thread lets others have their turn: Node.js. */
import { setImmediate } from 'node:timers/promises'

/** Resolves in the next turn of the event loop: timers, messages and events come first. */
export function nextTurn(): Promise<void> {
  return setImmediate()
}
