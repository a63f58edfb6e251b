/** A stream whose output is moved towards the mel: each pass goes through a correction of its own. */
import type { Mel } from '../../audio/mel/convention.js'
import type { FrameStream, NoiseStream } from '../engine.js'

export class CorrectedStream implements NoiseStream {
  readonly latency: number
  readonly #inner: NoiseStream
  readonly #corrections: readonly FrameStream[]

  /**
   * @param corrections one per pass
   * @param lag samples by which a correction lags
   */
  constructor(inner: NoiseStream, corrections: readonly FrameStream[], lag: number) {
    this.#inner = inner
    this.latency = inner.latency + lag
    this.#corrections = corrections
  }

  pushMel(mel: Mel, last: boolean): void {
    this.#inner.pushMel(mel, last)
    for (const correction of this.#corrections) correction.pushMel(mel)
  }

  async predict(pass: number, audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array> {
    const output = await this.#inner.predict(pass, audio, last, signal)
    try {
      return await this.#corrections[pass]!.push(output, last, signal)
    } catch (error) {
      // The inner stream is past this audio, so the pass cannot go on.
      this.dispose()
      throw error
    }
  }

  dispose(): void {
    this.#inner.dispose()
    for (const correction of this.#corrections) correction.dispose()
  }
}
