/** Mono audio in memory, as every part of the package takes and returns it. */

/** Mono audio. */
export interface Audio {
  /** Samples of one channel, nominally within ±1. */
  readonly samples: Float32Array
  /** Sample rate in Hz. */
  readonly sampleRate: number
}

/** Audio that was read from a file. Its channels are averaged to one. */
export interface Recording extends Audio {
  /** Container and encoding, for example `WAV, 16-bit PCM` or `FLAC, 24 bits`. */
  readonly format: string
  /** Number of channels in the file. */
  readonly channels: number
  /**
   * Sentences on what is odd about the file, for example that it was cut short or declares another length than it has.
   */
  readonly notes: readonly string[]
}
