/** Mono audio in memory: what every part of the package takes and returns. */

/** Mono audio: samples nominally in ±1, rate in Hz. */
export interface Audio {
  /** Mono, nominally within ±1. */
  readonly samples: Float32Array
  /** Hz. */
  readonly sampleRate: number
}

/** Audio read from a file, its channels averaged to one. */
export interface Recording extends Audio {
  /** Container and encoding, as `WAV, 16-bit PCM` or `FLAC, 24 bits`. */
  readonly format: string
  /** Channels of the file. */
  readonly channels: number
  /**
   * What a reader should know: that the file was cut short, or declared another length than it has. One sentence each.
   */
  readonly notes: readonly string[]
}
