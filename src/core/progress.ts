/** How far a long call has come. */
import type { Callback } from './callback.js'

/** Work done so far. The unit is stated by each function that reports it; `total` is null while the end is unknown. */
export interface Progress {
  /** Work done so far. */
  readonly done: number
  /** All the work; null while the end is unknown. */
  readonly total: number | null
}

/** Called as the work goes on. */
export type OnProgress = Callback<Progress>
