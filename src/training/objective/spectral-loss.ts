/**
 * Multi-resolution STFT loss (Yamamoto et al. 2020, “Parallel WaveGAN”, eq. 4–6) with its gradient. With the squared
 * error alone, a network answers noise with the mean of all waveforms that fit, which is silent. The loss of magnitudes
 * makes it choose one of them, which sampling with few steps needs. FreGrad (Nguyen et al. 2024, section 3.3) and
 * WaveFM (Luo et al. 2025, section 3.3) use it for the same purpose.
 *
 * The term of a bin is |A − B| + |ln(A + c) − ln(B + c)|, with magnitudes A and B in units of white noise of variance
 * 1. The loss is the mean over bins, frames and windows. The hop is a quarter of a window. Frames lie wholly inside the
 * audio.
 */
import { FrameTransform, windowPower } from '../../audio/transforms/stft.js'

/** The constant c: a tenth of white noise. Level differences below it are masked by louder sound. */
const LOG_OFFSET = 0.1
const TINY = 1e-12

class Resolution {
  readonly #predicted: FrameTransform
  readonly #target: FrameTransform
  readonly #unit: number
  readonly #hop: number

  constructor(readonly size: number) {
    this.#hop = size / 4
    const shape = { fftSize: size, windowLength: size, hop: this.#hop }
    this.#predicted = new FrameTransform(shape)
    this.#target = new FrameTransform(shape)
    this.#unit = 1 / Math.sqrt(windowPower(this.#predicted.window))
  }

  /** Computes the loss, and adds weight × ∂loss/∂predicted to `gradient`, unless the weight is 0. */
  add(predicted: Float32Array, target: Float32Array, gradient: Float64Array, weight: number): number {
    const { bins } = this.#predicted
    const frames = Math.floor((predicted.length - this.size) / this.#hop) + 1
    const share = 1 / (frames * bins)
    let loss = 0
    for (let frame = 0; frame < frames; frame++) {
      const start = frame * this.#hop
      const wanted = this.#target.forward(target, start)
      const found = this.#predicted.forward(predicted, start) as number[]
      for (let bin = 0; bin < bins; bin++) {
        const [re, im] = [found[2 * bin]!, found[2 * bin + 1]!]
        const size = Math.sqrt(re * re + im * im)
        const a = size * this.#unit
        const b = Math.sqrt(wanted[2 * bin]! ** 2 + wanted[2 * bin + 1]! ** 2) * this.#unit
        loss += Math.abs(a - b) + Math.abs(Math.log((a + LOG_OFFSET) / (b + LOG_OFFSET)))
        if (weight === 0) continue
        const slope = Math.sign(a - b) * (1 + 1 / (a + LOG_OFFSET))
        // The inverse transform divides by its size and counts every bin but the first and the last twice.
        const scale = bin === 0 || bin === bins - 1 ? this.size : this.size / 2
        const factor = (weight * share * slope * this.#unit * scale) / (size + TINY)
        found[2 * bin] = re * factor
        found[2 * bin + 1] = im * factor
      }
      if (weight !== 0) this.#predicted.inverseAdd(found, gradient, start)
    }
    return loss * share
  }
}

/** Computes the loss over several window lengths, which are powers of two. */
export class SpectralLoss {
  readonly #resolutions: readonly Resolution[]

  constructor(windows: readonly number[]) {
    this.#resolutions = windows.map(size => new Resolution(size))
  }

  /**
   * Computes the loss of one signal.
   *
   * @param predicted,target audio of the same length, at least as long as the longest window
   * @param weight factor of the gradient. With 0 none is computed
   * @returns the loss, and weight × ∂loss/∂predicted
   */
  compare(
    predicted: Float32Array,
    target: Float32Array,
    weight = 1,
  ): { readonly loss: number; readonly gradient: Float64Array } {
    const gradient = new Float64Array(predicted.length)
    const share = 1 / this.#resolutions.length
    let loss = 0
    for (const resolution of this.#resolutions) {
      loss += share * resolution.add(predicted, target, gradient, share * weight)
    }
    return { loss, gradient }
  }
}
