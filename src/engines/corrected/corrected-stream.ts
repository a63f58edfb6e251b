/** A stream whose output is moved towards the mel: each pass goes through a correction of its own. */

import type { Mel } from '../../audio/mel/convention.js'
import type { CorrectionStream, CorrectionTargets, MelCorrection } from '../../audio/mel/correction.js'
import type { NoiseStream, StreamRequest } from '../engine.js'

export class CorrectedStream implements NoiseStream {
  readonly latency: number
  readonly #inner: NoiseStream
  readonly #targets: CorrectionTargets
  readonly #passes: readonly CorrectionStream[]

  constructor(inner: NoiseStream, request: StreamRequest, correction: MelCorrection) {
    this.#inner = inner
    this.latency = inner.latency + correction.lag
    this.#targets = correction.targets()
    this.#passes = request.steps.map(() => correction.stream(this.#targets))
  }

  pushMel(mel: Mel, last: boolean): void {
    this.#inner.pushMel(mel, last)
    this.#targets.push(mel, last)
  }

  async predict(pass: number, audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array> {
    const output = await this.#inner.predict(pass, audio, last, signal)
    const corrected = this.#passes[pass]!.push(output, last)
    this.#targets.forget(Math.min(...this.#passes.map(stream => stream.neededFrame)))
    return corrected
  }

  dispose(): void {
    this.#inner.dispose()
  }
}
