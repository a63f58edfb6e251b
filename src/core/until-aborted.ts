/** Reads iterables that may stall. */
import { abortError, throwIfAborted } from './errors.js'
import { onAbort } from './on-abort.js'

/**
 * Yields the items of an iterable. The signal ends the wait for the next item.
 *
 * @throws DiffWaveError `ABORTED`, and what the iterable throws
 */
export async function* untilAborted<Item>(
  source: AsyncIterable<Item> | Iterable<Item>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Item, void, undefined> {
  throwIfAborted(signal)
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  let finished = false
  try {
    while (true) {
      const next = await orAborted(iterator.next(), signal)
      if (next.done) {
        finished = true
        return
      }
      yield next.value
    }
  } finally {
    const closed = finished ? undefined : Promise.resolve(iterator.return?.())
    // Not awaited after an abort, because a source that hangs would block the caller.
    if (signal?.aborted) closed?.catch(() => {})
    else await closed
  }
}

/**
 * Waits for a value, or throws `ABORTED` as soon as the signal fires. It does not race against one promise for the
 * whole stream, because that promise would keep every value alive.
 */
function orAborted<T>(value: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const ignore = onAbort(signal, () => reject(abortError(signal!.reason)))
    Promise.resolve(value).then(resolve, reject).finally(ignore)
  })
}
