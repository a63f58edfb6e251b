/** What sampling calls return: whole clips, and streams of audio. */
import { writeWav } from '#platform/audio/codecs/wav-file'
import { encodeWav, type WavOptions } from '../audio/codecs/wav-encode.js'

/** The fields of a result. */
export interface SynthesisFields {
  /** Mono, nominally within ±1. */
  readonly samples: Float32Array<ArrayBuffer>
  /** Sample rate in Hz. */
  readonly sampleRate: number
  /** Seed of the noise. */
  readonly seed: number
  /** Denoiser steps taken. */
  readonly steps: number
}

/**
 * Audio that a model made, with the seed and the number of steps to make it again. It is also an `Audio`, so that it
 * can be passed to every function that takes `{ samples, sampleRate }`.
 */
export class Synthesis {
  /** Mono, nominally within ±1. */
  readonly samples: Float32Array<ArrayBuffer>
  /** Sample rate in Hz. */
  readonly sampleRate: number
  /** Seed of the noise. With this seed, the same options make the same bytes. */
  readonly seed: number
  /** Denoiser steps taken. */
  readonly steps: number

  constructor({ samples, sampleRate, seed, steps }: SynthesisFields) {
    this.samples = samples
    this.sampleRate = sampleRate
    this.seed = seed
    this.steps = steps
  }

  /**
   * Writes a mono WAV file, 16-bit by default.
   *
   * @param path of the file, as text or a `file:` URL
   * @example
   * await (await vocoder.synthesize(mel)).save('out.wav')
   * @throws DiffWaveError as `writeWav`
   */
  // Not `PathLike`, which lies beside code of Node.js: a page has this file, too.
  save(path: string | URL, options?: WavOptions): Promise<void> {
    return writeWav(path, this, options)
  }

  /** The bytes of a mono WAV file, 16-bit by default. @throws DiffWaveError as `writeWav` */
  toWav(options?: WavOptions): Uint8Array<ArrayBuffer> {
    return encodeWav(this, options)
  }
}

/**
 * A stream of audio: yields mono samples piece by piece, each piece as soon as it is final. A piece has a buffer of its
 * own, which may be changed or transferred to a worker.
 *
 * `return()`, and so `break`, ends it, even while a `next()` waits for a mel that has stalled: that call resolves as
 * done. When the signal fires, the call rejects with `ABORTED`; when the model is disposed of, with `DISPOSED`.
 */
export interface AudioStream extends AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
  /** Sample rate in Hz. */
  readonly sampleRate: number
  /** Seed of the noise. */
  readonly seed: number
  /** Denoiser steps taken. */
  readonly steps: number
  /**
   * Number of samples in all; null if it is not known beforehand, as for a mel that arrives in pieces of unknown
   * number.
   */
  readonly length: number | null
  /**
   * Upper bound on the number of samples by which the output lags behind the input: the receptive fields of all passes
   * and of the mel encoder. An engine that runs fixed windows also waits for the end of a window in each pass.
   */
  readonly lookAhead: number
}
