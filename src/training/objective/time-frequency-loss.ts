/**
 * The squared error of audio, weighted per time-frequency region by the inverse of the target's magnitude there (the
 * loss of Flow2GAN): what is soft counts beside what is loud.
 *
 *     mean over bins and frames of |STFT(x̂ − x)|² · clamp((X̄² + 1e-7)^−½, 0.01, 100)
 *
 * STFT with windows of 1,024 samples, not normalised; bins 0 … 511, X̄² the mean of |STFT(x)|² over pairs of them. Bins
 * above the clip's own bandwidth do not count: a recording says nothing about them.
 */
import { binsBelow, CentredFrames } from './centred-frames.js'

const SIZE = 1024
const SMALLEST_POWER = 1e-7
const MIN_WEIGHT = 1e-2
const MAX_WEIGHT = 1e2

/** Of the target's magnitude: a prediction softer than that has less to say about phases. */
const LEAST_SHARE = 0.1
/** Power that keeps a root from being 0. */
const SMALLEST = 1e-12

/** Spectra of a prediction and its target, complex, interleaved, `[frames × bins]`, and what counts. */
interface Spectra {
  /** Its gradient takes its place. */
  readonly made: Float64Array
  readonly wanted: Float64Array
  /** Bins from 0 that count. */
  readonly counted: number
  /** Frames of the transform. */
  readonly frames: number
}

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
    const spectra = this.#spectraOf(
      predicted.map((x, n) => x - target[n]!),
      target,
      limit,
    )
    const { made: errors } = spectra
    const loss = this.#each(spectra, (i, scale) => {
      const error = errors[i]! ** 2 + errors[i + 1]! ** 2
      errors[i]! *= 2 * scale
      errors[i + 1]! *= 2 * scale
      return error
    })
    return this.#back(spectra, loss, gradient, weight)
  }

  /**
   * The same of a spectrum with the phases of x̂, X̂, and the magnitudes of x, X:
   *
   *     mean over bins and frames of 2·(|X|² − |X|·Re(X̂·X*)/√(|X̂|² + (|X|/10)²)) · clamp(…)
   *
   * If phases can only be guessed, the squared error asks for less magnitude; this does not.
   *
   * @param counts whether a frame counts, the middle of which is a sample; those that do not are 0 in the mean
   */
  addPhases(
    predicted: Float32Array,
    target: Float32Array,
    limit: number,
    gradient: Float64Array,
    weight: number,
    counts: (sample: number) => boolean,
  ): number {
    const spectra = this.#spectraOf(predicted, target, limit)
    const { made, wanted } = spectra
    const loss = this.#each(
      spectra,
      (i, scale) => {
        const [a, b, x, y] = [made[i]!, made[i + 1]!, wanted[i]!, wanted[i + 1]!]
        const power = x * x + y * y
        const product = a * x + b * y
        const size = Math.sqrt(a * a + b * b + LEAST_SHARE ** 2 * power + SMALLEST)
        const factor = (2 * scale * Math.sqrt(power)) / size
        made[i] = factor * ((a * product) / size ** 2 - x)
        made[i + 1] = factor * ((b * product) / size ** 2 - y)
        return 2 * (power - (Math.sqrt(power) * product) / size)
      },
      counts,
    )
    return this.#back(spectra, loss, gradient, weight)
  }

  #spectraOf(made: Float32Array, target: Float32Array, limit: number): Spectra {
    const { bins } = this.#frames
    return {
      made: this.#frames.spectra(made),
      wanted: this.#frames.spectra(target),
      // The last bin has no partner.
      counted: Math.min(bins - 1, binsBelow(limit, bins, this.sampleRate)),
      frames: this.#frames.frames(made.length),
    }
  }

  /**
   * Sum of the weighted errors of all regions.
   *
   * @param error of the values from index i on, not weighted; it writes its gradient, weighted by `scale`, over them
   */
  #each(
    { made, wanted, counted, frames }: Spectra,
    error: (i: number, scale: number) => number,
    counts: (sample: number) => boolean = () => true,
  ): number {
    const { bins } = this.#frames
    let loss = 0
    for (let frame = 0; frame < frames; frame++) {
      const at = 2 * frame * bins
      const end = counts((frame * SIZE) / 4) ? counted : 0
      for (let bin = 0; bin < end; bin++) {
        const pair = at + 4 * (bin >> 1)
        let power = SMALLEST_POWER
        for (let part = pair; part < pair + 4; part++) power += wanted[part]! ** 2 / 2
        const scale = Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, 1 / Math.sqrt(power)))
        loss += scale * error(at + 2 * bin, scale)
      }
      made.fill(0, at + 2 * end, at + 2 * bins)
    }
    return loss
  }

  /** The mean; brings its gradient by the spectra back to the audio. */
  #back({ made, counted, frames }: Spectra, loss: number, gradient: Float64Array, weight: number): number {
    const share = 1 / Math.max(1, counted * frames)
    for (let i = 0; i < made.length; i++) made[i]! *= share * weight
    this.#frames.addGradient(made, gradient.length, gradient)
    return loss * share
  }
}
