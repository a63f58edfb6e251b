/** Listens to abort signals. */

const listening = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back when a signal fires, or at once if it has fired. All callbacks of a signal share one listener, because
 * Node.js warns of more than ten, and many streams may wait for one signal.
 *
 * @returns a function that stops listening
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => {}
  if (signal.aborted) {
    callback()
    return () => {}
  }
  // The same function may be passed twice.
  const own = () => callback()
  const callbacks = listening.get(signal) ?? new Set()
  callbacks.add(own)
  if (callbacks.size === 1) {
    listening.set(signal, callbacks)
    signal.addEventListener('abort', fire)
  }
  return () => {
    callbacks.delete(own)
    if (callbacks.size === 0) signal.removeEventListener('abort', fire)
  }
}

function fire(this: AbortSignal): void {
  for (const callback of listening.get(this) ?? []) callback()
}
