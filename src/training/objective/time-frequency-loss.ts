/**
 * The squared error of audio, weighted per time-frequency region by the inverse of the target's magnitude there (the
 * loss of Flow2GAN): what is soft counts beside what is loud.
 *
 *     mean over bins and frames of |STFT(x̂ − x)|² · clamp((X̄² + 1e-7)^−½, 0.01, 100)
 *
 * STFT with windows of 1,024 samples, not normalised; bins 0 … 511, X̄² the mean of |STFT(x)|² over pairs of them. Bins
 * above the clip's own bandwidth do not count: a recording tells nothing of them.
 */
import { binsBelow, CentredFrames } from './centred-frames.js'

const SIZE = 1024
const SMALLEST_POWER = 1e-7
const MIN_WEIGHT = 1e-2
const MAX_WEIGHT = 1e2

export class TimeFrequencyLoss {
  readonly #frames = new CentredFrames(SIZE)

  /** @param sampleRate of the audio, in Hz */
  constructor(readonly sampleRate: number) {}

  /**
   * @param predicted,target audio, equally long
   * @param limit bandwidth of the clip in Hz
   * @returns the loss; adds `weight` × its gradient by `predicted` to `gradient`
   */
  add(predicted: Float32Array, target: Float32Array, limit: number, gradient: Float64Array, weight: number): number {
    const { bins } = this.#frames
    const errors = this.#frames.spectra(predicted.map((x, n) => x - target[n]!))
    const targets = this.#frames.spectra(target)
    const frames = this.#frames.frames(predicted.length)
    // The last bin has no partner.
    const counted = Math.min(bins - 1, binsBelow(limit, bins, this.sampleRate))
    const share = 1 / Math.max(1, counted * frames)
    let loss = 0
    for (let frame = 0; frame < frames; frame++) {
      const at = 2 * frame * bins
      for (let bin = 0; bin < bins; bin++) {
        const i = at + 2 * bin
        if (bin >= counted) {
          errors[i] = 0
          errors[i + 1] = 0
          continue
        }
        const pair = at + 4 * (bin >> 1)
        let power = SMALLEST_POWER
        for (let part = pair; part < pair + 4; part++) power += targets[part]! ** 2 / 2
        const scale = Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, 1 / Math.sqrt(power)))
        loss += scale * (errors[i]! ** 2 + errors[i + 1]! ** 2)
        errors[i]! *= 2 * scale * share * weight
        errors[i + 1]! *= 2 * scale * share * weight
      }
    }
    this.#frames.addGradient(errors, predicted.length, gradient)
    return loss * share
  }
}
