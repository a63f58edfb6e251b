/** Waits for promises and iterables that may stall. */
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
  const close = async () => {
    await iterator.return?.()
  }
  let isOpen = false
  try {
    while (true) {
      // As in `for await`, an iterator that has ended or failed is not closed.
      isOpen = false
      const next = await orAborted(iterator.next(), signal)
      if (next.done) return
      isOpen = true
      yield next.value
    }
  } finally {
    // Not awaited after an abort, because a source that hangs would block the caller.
    if (signal?.aborted) close().catch(() => {})
    else if (isOpen) await close()
  }
}

/**
 * Waits for a value, or rejects with `ABORTED` as soon as the signal fires. It does not race against one promise for
 * the whole stream, because that promise would keep every value alive.
 */
export function orAborted<T>(value: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const ignore = onAbort(signal, () => reject(abortError(signal!.reason)))
    Promise.resolve(value).then(resolve, reject).finally(ignore)
  })
}
