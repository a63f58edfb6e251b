/**
 * Modulation features of a pattern: its two-dimensional cosine transform (DCT-II, orthonormal), the lowest orders of each axis: how
 * the spectral shape moves in time. Divided by √cells, so that the distance of two clips is the root mean square difference of their
 * smoothed patterns. Order k over T seconds is a modulation of k/(2T) Hz with its phase: time order is heard.
 */
import type { Pattern } from './clip-pattern.js'

/** Rows of the orthonormal DCT-II: `[orders × length]`. */
function cosines(orders: number, length: number): Float64Array {
  const rows = new Float64Array(orders * length)
  for (let k = 0; k < orders; k++) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / length)
    for (let n = 0; n < length; n++) rows[k * length + n] = scale * Math.cos((Math.PI * k * (n + 0.5)) / length)
  }
  return rows
}

/** The transform of patterns of one size. */
export class Modulation {
  readonly #overBands: Float64Array
  readonly #overFrames: Float64Array

  constructor(
    private readonly frames: number,
    private readonly bands: number,
    /** Orders kept along time and along frequency. */
    private readonly timeOrders: number,
    private readonly bandOrders: number,
  ) {
    this.#overBands = cosines(bandOrders, bands)
    this.#overFrames = cosines(timeOrders, frames)
  }

  /** @returns `[timeOrders × bandOrders]` */
  of({ data }: Pattern): Float64Array {
    const { frames, bands, timeOrders, bandOrders } = this
    const shapes = new Float64Array(bandOrders * frames)
    for (let frame = 0; frame < frames; frame++) {
      for (let j = 0; j < bandOrders; j++) {
        let sum = 0
        for (let band = 0; band < bands; band++) sum += this.#overBands[j * bands + band]! * data[frame * bands + band]!
        shapes[j * frames + frame] = sum
      }
    }
    const scale = 1 / Math.sqrt(frames * bands)
    const features = new Float64Array(timeOrders * bandOrders)
    for (let k = 0; k < timeOrders; k++) {
      for (let j = 0; j < bandOrders; j++) {
        let sum = 0
        for (let frame = 0; frame < frames; frame++) {
          sum += this.#overFrames[k * frames + frame]! * shapes[j * frames + frame]!
        }
        features[k * bandOrders + j] = sum * scale
      }
    }
    return features
  }
}
