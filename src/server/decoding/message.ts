/** What decoder threads and the service say to each other. */
import type { Problem } from '../problem.js'

/** A result; or why the request is refused; or what failed, for the log. */
export type Answer = { readonly result: unknown } | { readonly problem: Problem } | { readonly fault: string }

/** The buffers of all typed arrays in a value, to be handed over instead of copied. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>()
  const visit = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) {
      if (value.buffer instanceof ArrayBuffer) found.add(value.buffer)
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit)
  }
  visit(value)
  return [...found]
}
