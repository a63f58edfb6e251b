/** What a mel says of its frames, one after the other, as the mel arrives. */
import type { MelBands } from './bands.js'
import type { Mel } from './convention.js'

/** The energies of the frames' bands, in order. */
export class TargetFrames {
  readonly #bands: MelBands
  /** Mel that has come and is not used up; `#frame` is the next of its first piece. */
  readonly #mels: Mel[] = []
  #frame = 0

  constructor(bands: MelBands) {
    this.#bands = bands
  }

  push(mel: Mel): void {
    if (mel.frames > 0) this.#mels.push(mel)
  }

  /** Writes the next frame's energies, `[bands]`, to `result` from `at` on. The frame must have come. */
  next(result: Float32Array | Float64Array, at: number): void {
    const mel = this.#mels[0]!
    this.#bands.targets(mel, this.#frame, result, at)
    if (++this.#frame < mel.frames) return
    this.#mels.shift()
    this.#frame = 0
  }
}
