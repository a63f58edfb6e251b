/** The band energies of a mel's frames, kept as the mel arrives: the targets of phase refinement and correction. */
import { RowQueue } from '../../core/row-queue.js'
import type { MelBands } from './bands.js'
import type { Mel } from './convention.js'

/** The energies of the frames' bands. */
export class TargetFrames {
  readonly #bands: MelBands
  readonly #rows: RowQueue<Float64Array>

  constructor(bands: MelBands) {
    this.#bands = bands
    this.#rows = new RowQueue(Float64Array, bands.convention.bands)
  }

  /** Number of frames that have arrived, including dropped ones. */
  get end(): number {
    return this.#rows.end
  }

  /** Appends frames. The mel is read at once, so it may change afterwards. */
  push(mel: Mel): void {
    const energies = new Float64Array(mel.frames * mel.bands)
    for (let frame = 0; frame < mel.frames; frame++) this.#bands.targets(mel, frame, energies, frame * mel.bands)
    this.#rows.append(energies)
  }

  /** Energies of frames from … to − 1, `[frames × bands]`. This is a view, valid until the next `push`. */
  rows(from: number, to: number): Float64Array {
    return this.#rows.rows(from, to)
  }

  /** Drops the frames before this one. */
  forget(frame: number): void {
    this.#rows.forget(frame)
  }
}
