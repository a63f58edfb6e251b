/** Progress of several files as one. */
import type { OnProgress } from '../../core/progress.js'

/** @returns for the index of a file, what reports its bytes */
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
