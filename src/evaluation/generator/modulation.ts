/**
 * Modulation features of a pattern: the lowest orders of its two-dimensional orthonormal DCT-II, which tell how the
 * spectral shape moves in time. They are divided by √(frames × bands), so that the distance of two clips is the
 * root-mean-square difference of their smoothed patterns. Order k over T seconds is a modulation of k/(2T) Hz with its
 * phase, so that the order in time counts.
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

  readonly #shape: readonly [frames: number, bands: number, timeOrders: number, bandOrders: number]

  /** @param timeOrders @param bandOrders orders to keep along time and along frequency */
  constructor(frames: number, bands: number, timeOrders: number, bandOrders: number) {
    this.#shape = [frames, bands, timeOrders, bandOrders]
    this.#overBands = cosines(bandOrders, bands)
    this.#overFrames = cosines(timeOrders, frames)
  }

  /** @param pattern of the transform's size @returns `[timeOrders × bandOrders]` */
  features({ data }: Pattern): Float64Array {
    const [frames, bands, timeOrders, bandOrders] = this.#shape
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
