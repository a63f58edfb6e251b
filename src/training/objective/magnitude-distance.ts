/**
 * A multi-resolution STFT distance of audio (Yamamoto et al. 2020, “Parallel WaveGAN”, eq. 4–6, with absolute
 * differences): the mean over window lengths n of
 *
 *     mean |A − B| / (mean B + c) + mean |ln((A + c)/(B + c))|
 *
 * A and B are magnitudes of prediction and target, the means over frames and the bins of the clip's own bandwidth, and
 * c = 1e-4·√(3n/8) the magnitude of white noise of deviation 1e-4: softer than that, differences are not heard.
 */
import { binsBelow, CentredFrames } from './centred-frames.js'

const SOFTEST = 1e-4

export class MagnitudeDistance {
  readonly #resolutions: readonly CentredFrames[]

  /** @param windows lengths in samples, powers of two */
  constructor(
    readonly sampleRate: number,
    windows: readonly number[],
  ) {
    this.#resolutions = windows.map(size => new CentredFrames(size))
  }

  /**
   * @param predicted,target audio, equally long
   * @param limit bandwidth of the clip in Hz
   * @returns the distance; adds `weight` × its gradient by `predicted` to `gradient`
   */
  add(predicted: Float32Array, target: Float32Array, limit: number, gradient: Float64Array, weight: number): number {
    const share = 1 / this.#resolutions.length
    let loss = 0
    for (const resolution of this.#resolutions) {
      loss += share * this.#addOne(resolution, predicted, target, limit, gradient, share * weight)
    }
    return loss
  }

  #addOne(
    resolution: CentredFrames,
    predicted: Float32Array,
    target: Float32Array,
    limit: number,
    gradient: Float64Array,
    weight: number,
  ): number {
    const { bins, size } = resolution
    const c = SOFTEST * Math.sqrt((3 * size) / 8)
    const spectra = resolution.spectra(predicted)
    const targets = resolution.spectra(target)
    const frames = resolution.frames(predicted.length)
    const counted = binsBelow(limit, bins, this.sampleRate)
    const share = 1 / Math.max(1, counted * frames)
    const wanted = new Float64Array(frames * counted)
    let sum = 0
    for (let frame = 0; frame < frames; frame++) {
      for (let bin = 0; bin < counted; bin++) {
        const i = 2 * (frame * bins + bin)
        const b = Math.sqrt(targets[i]! ** 2 + targets[i + 1]! ** 2)
        wanted[frame * counted + bin] = b
        sum += b
      }
    }
    const unit = 1 / (sum * share + c)
    let loss = 0
    for (let frame = 0; frame < frames; frame++) {
      for (let bin = 0; bin < bins; bin++) {
        const i = 2 * (frame * bins + bin)
        if (bin >= counted) {
          spectra[i] = 0
          spectra[i + 1] = 0
          continue
        }
        // A little more than the magnitude, so that the root has a gradient at zero.
        const a = Math.sqrt(spectra[i]! ** 2 + spectra[i + 1]! ** 2 + (c / 100) ** 2)
        const b = wanted[frame * counted + bin]!
        loss += Math.abs(a - b) * unit + Math.abs(Math.log((a + c) / (b + c)))
        const slope = Math.sign(a - b) * (unit + 1 / (a + c))
        spectra[i]! *= (slope * share * weight) / a
        spectra[i + 1]! *= (slope * share * weight) / a
      }
    }
    resolution.addGradient(spectra, predicted.length, gradient)
    return loss * share
  }
}
