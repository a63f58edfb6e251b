/** What a process still has to undo if it ends at once, without the end of its work: temporary files and locks. */
const undos = new Set<() => void>()

/**
 * Notes something to undo.
 *
 * @param undo synchronous; it may throw
 * @returns a function that forgets it: to be called once the work has undone it, or if it is to stay
 */
export function atSuddenEnd(undo: () => void): () => void {
  undos.add(undo)
  return () => void undos.delete(undo)
}

/** Undoes what is left, in a process that ends at once. */
export function undoAll(): void {
  for (const undo of undos) {
    try {
      undo()
    } catch {
      // What cannot be undone is found by the next process, as after a crash.
    }
  }
}
