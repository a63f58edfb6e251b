/** What a mel says of its frames, as the mel arrives: what phase refinement and correction move audio towards. */
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

  /** Frames that have arrived, forgotten ones included. */
  get end(): number {
    return this.#rows.end
  }

  /** Appends frames. The mel is read at once: it may change afterwards. */
  push(mel: Mel): void {
    const energies = new Float64Array(mel.frames * mel.bands)
    for (let frame = 0; frame < mel.frames; frame++) this.#bands.targets(mel, frame, energies, frame * mel.bands)
    this.#rows.append(energies)
  }

  /** Energies of frames from … to − 1, `[frames × bands]`: a view, good until the next `push`. */
  rows(from: number, to: number): Float64Array {
    return this.#rows.rows(from, to)
  }

  /** Frames before this one are not needed again. */
  forget(frame: number): void {
    this.#rows.forget(frame)
  }
}
