/**
 * The modified discrete cosine transform (Princen, Johnson & Bradley 1987) of a whole recording, as an orthonormal map:
 * T samples to T coefficients, T a multiple of `bands`. Written as it factors (Malvar 1990, “Lapped transforms”):
 * around every inner boundary of blocks a rotation of each sample with its mirror image, then a DCT-IV of each block.
 * At the recording's two ends nothing is rotated, so that nothing is missing there either: the inverse is exact, and
 * white noise stays white.
 *
 * Layout: coefficient k of block f, a frequency of about (k + ½)·rate/(2·bands) Hz, stands at f × bands + k.
 */
import { CosineTransform } from './cosine-transform.js'

/**
 * Windows of the block that a sample is in and of the one across the boundary, for the n-th sample from it: sine and
 * cosine, so that the squares add up to 1.
 */
function turns(bands: number): { readonly near: Float64Array; readonly far: Float64Array } {
  const angle = (n: number) => (Math.PI / 4) * (1 + (2 * n + 1) / bands)
  return {
    near: Float64Array.from({ length: bands / 2 }, (_, n) => Math.sin(angle(n))),
    far: Float64Array.from({ length: bands / 2 }, (_, n) => Math.cos(angle(n))),
  }
}

/** Transforms of one number of bands, a power of two from 4 on. */
export class Mdct {
  readonly #near: Float64Array
  readonly #far: Float64Array
  readonly #cosines: CosineTransform

  constructor(readonly bands: number) {
    const { near, far } = turns(bands)
    this.#near = near
    this.#far = far
    this.#cosines = new CosineTransform(bands)
  }

  /** Coefficients, `[blocks × bands]`, of as many samples: a multiple of `bands`. */
  forward(samples: Float32Array): Float32Array {
    const { bands } = this
    const mixed = new Float64Array(samples)
    for (let boundary = bands; boundary < mixed.length; boundary += bands) this.#rotate(mixed, boundary, 1)
    this.#transformBlocks(mixed)
    return new Float32Array(mixed)
  }

  /** The samples that `forward` takes to these coefficients. */
  inverse(coefficients: Float32Array): Float32Array {
    return new MdctSynthesis(this).push(coefficients, true)
  }

  /** Blocks of coefficients, `[blocks × bands]`, as samples still rotated about each inner boundary. */
  unmixed(coefficients: Float32Array): Float64Array {
    const mixed = new Float64Array(coefficients)
    this.#transformBlocks(mixed)
    return mixed
  }

  /** Undoes the rotation about a boundary. */
  unrotate(mixed: Float64Array, boundary: number): void {
    this.#rotate(mixed, boundary, -1)
  }

  #transformBlocks(mixed: Float64Array): void {
    for (let at = 0; at < mixed.length; at += this.bands) this.#cosines.apply(mixed.subarray(at, at + this.bands))
  }

  /** The right block's cosines go on evenly before the boundary, the left one's oddly after it. */
  #rotate(samples: Float64Array, boundary: number, sense: 1 | -1): void {
    for (let n = 0; n < this.bands / 2; n++) {
      const [left, right] = [samples[boundary - 1 - n]!, samples[boundary + n]!]
      const [near, far] = [this.#near[n]!, sense * this.#far[n]!]
      samples[boundary - 1 - n] = near * left - far * right
      samples[boundary + n] = near * right + far * left
    }
  }
}

/** The inverse over coefficients that come block by block. Pieces do not change a byte. */
export class MdctSynthesis {
  /** The second half of the block that came last: final once the next one is there. */
  #pending: Float64Array = new Float64Array(0)

  readonly #transform: Mdct

  constructor(transform: Mdct) {
    this.#transform = transform
  }

  /**
   * Appends whole blocks and returns the samples that have become final.
   * @param last no more follow: all that is left is returned
   */
  push(coefficients: Float32Array, last: boolean): Float32Array {
    const { bands } = this.#transform
    const before = this.#pending
    const blocks = this.#transform.unmixed(coefficients)
    const samples = new Float64Array(before.length + blocks.length)
    samples.set(before)
    samples.set(blocks, before.length)
    for (let boundary = before.length || bands; boundary < samples.length; boundary += bands) {
      this.#transform.unrotate(samples, boundary)
    }
    const final = last || samples.length === 0 ? samples.length : samples.length - bands / 2
    this.#pending = samples.slice(final)
    return new Float32Array(samples.subarray(0, final))
  }
}
