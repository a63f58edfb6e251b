/** Combines the progress of several files. */
import type { OnProgress } from '../../core/progress.js'

/** Sums up the bytes of several files. @returns a function that gives the progress callback for a file's index */
export function bytesOfAll(files: number, onProgress: OnProgress | undefined): (index: number) => OnProgress {
  const done = new Array<number>(files).fill(0)
  const totals = new Array<number | null>(files).fill(null)
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
  return index => report => {
    done[index] = report.done
    totals[index] = report.total
    const known = totals.filter(value => value !== null)
    return onProgress?.({ done: sum(done), total: known.length === files ? sum(known) : null })
  }
}
