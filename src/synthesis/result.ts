/** What sampling calls return: whole clips, and audio that arrives over time. */
import { writeWav } from '#platform/audio/codecs/wav-file'
import { encodeWav, type WavOptions } from '../audio/codecs/wav-encode.js'

/** Plain numbers of a result. */
export interface SynthesisFields {
  /** Mono, nominally within ±1. */
  readonly samples: Float32Array
  /** Hz. */
  readonly sampleRate: number
  /** Seed of the noise. */
  readonly seed: number
  /** Denoiser steps taken. */
  readonly steps: number
}

/**
 * Audio that a model made, with the seed and number of steps that make it again. It can be used wherever
 * `{ samples, sampleRate }` is.
 */
export class Synthesis {
  /** Mono, nominally within ±1. */
  readonly samples: Float32Array
  /** Hz. */
  readonly sampleRate: number
  /** Seed of the noise: with the same options it makes the same bytes. */
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
  toWav(options?: WavOptions): Uint8Array {
    return encodeWav(this, options)
  }
}

/** Audio that comes piece by piece as it becomes final. */
export interface AudioStream extends AsyncGenerator<Float32Array, void, undefined> {
  /** Hz. */
  readonly sampleRate: number
  /** Seed of the noise. */
  readonly seed: number
  /** Denoiser steps taken. */
  readonly steps: number
  /** Samples in all; null if only the end of the mel will tell. */
  readonly length: number | null
  /**
   * Samples that the first audio waits for beyond its own: the receptive fields of all passes and the mel's. An engine
   * that runs windows of fixed size also waits for the end of one, once per pass.
   */
  readonly lookAhead: number
}
