/** Buffers of typed arrays, to be handed to another thread instead of copied. */

/** The buffers of all typed arrays in a value, each once: the list of what `postMessage` is to transfer. */
export function typedArrayBuffers(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>()
  const visit = (part: unknown): void => {
    if (ArrayBuffer.isView(part)) {
      if (part.buffer instanceof ArrayBuffer) found.add(part.buffer)
    } else if (typeof part === 'object' && part !== null) Object.values(part).forEach(visit)
  }
  visit(value)
  return [...found]
}
