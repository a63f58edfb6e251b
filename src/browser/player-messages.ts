/** Messages between a page's player and its audio worklet. */

/** To the worklet. An empty piece marks the end of the audio. Null stops at once and drops what has not been played. */
export interface Samples {
  readonly samples: Float32Array | null
}

/** From the worklet, a few times per second. */
export interface Heard {
  /** Samples that have been played so far. */
  readonly played: number
  /** Samples of silence that were played because the next piece had not come. */
  readonly missing: number
  /** The last sample has been played. */
  readonly ended: boolean
}

/** Name under which the worklet registers its processor. */
export const PROCESSOR = 'diffwave-player'
