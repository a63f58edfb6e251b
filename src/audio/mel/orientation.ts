/** Whether a mel has its bands along the right axis. */
import type { Mel } from './convention.js'

/**
 * Whether a square mel has its bands and frames swapped. In nearly all sound the mean level falls from low to high
 * bands, by more than it changes from the first to the last frame. That was so in 84 of 86 excerpts of speech and
 * music, 80 frames each.
 */
export function looksTransposed({ data, bands, frames }: Mel): boolean {
  const quarter = Math.max(1, Math.floor(bands / 4))
  const mean = (keep: (row: number, column: number) => boolean) => {
    let [sum, count] = [0, 0]
    for (let i = 0; i < data.length; i++) {
      if (!keep(Math.floor(i / frames), i % frames)) continue
      sum += data[i]!
      count++
    }
    return sum / count
  }
  const alongRows = mean(row => row < quarter) - mean(row => row >= bands - quarter)
  const alongColumns = mean((_, column) => column < quarter) - mean((_, column) => column >= frames - quarter)
  return alongColumns > Math.abs(alongRows)
}
