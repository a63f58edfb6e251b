/**
 * The correction towards a mel: moves audio towards the band energies of a mel and keeps its phases. It is an iteration
 * of Griffin–Lim (Griffin & Lim 1984, eq. 6) with the mel's bands as the target instead of a whole spectrum. As the
 * last layer of a network, it leaves phases and fine structure to the layers before. In each pass, with the mel's
 * transform of L samples, a periodic Hann window h and hop H:
 *
 *     Z[b, f] = Σ_n h[n] · x[f·H − L/2 + n] · e^(−2πi·bn/L)                          zeros beyond the clip
 *     G ← G ⊙ min(10, (Wᵀ·(y/(W·(G ⊙ |Z|) + 1e-9)))/s)                              `iterations` times from G = 1
 *     G ← G ⊙ min(2, max(½, 1 + (r − 1)·(G − 1)))                                   relaxation r
 *     x[t] ← Σ_f h · irfft(G ⊙ Z)[f, t − f·H + L/2] / Σ_f h²[t − f·H + L/2]
 *
 * y are the mel's bands, W its filters, s the column sums of W. Frequencies above the mel's highest one are removed.
 * The frames are those of the mel that lie in the clip or at its end: f = 0 … min(F, ⌊T/H⌋ + 1) − 1.
 */
import { FrameTransform } from '../transforms/stft.js'
import { MelBands } from './bands.js'
import { type Mel, type MelConvention, refinementObstacle } from './convention.js'
import { relaxationFactor, relaxationSlope } from './relaxation.js'
import { TargetFrames } from './target-frames.js'

export interface CorrectionSettings {
  /** Number of passes. Each is an STFT and its inverse. */
  readonly passes: number
  /** Number of updates of the gains G in each pass. */
  readonly iterations: number
  /** How far each pass moves: 1 is to the mel, more (below 2) is past it. */
  readonly relaxation: number
}

/** Smaller magnitudes count as silence. */
export const SILENT = 1e-9
/** Largest gain of one update. */
export const MAX_GAIN = 10
const TINY = 1e-12

/** What a convention would need for a correction, for an error; null if a correction is possible. */
export function correctionObstacle(convention: MelConvention): string | null {
  if (convention.framing !== 'centre') return 'centred mel frames'
  if (convention.power !== 1) return 'a mel of magnitudes (power 1)'
  if (convention.windowLength !== convention.fftSize) return 'a mel whose windowLength is its fftSize'
  return refinementObstacle(convention)
}

/** Max number of samples by which the result lags behind the audio: for each pass, the hops that a frame spans. */
export function correctionLag({ fftSize, hop }: MelConvention, passes: number): number {
  return passes * Math.ceil(fftSize / hop) * hop
}

/** What the gains of a pass depend on. */
type GainSettings = Omit<CorrectionSettings, 'passes'>

/** Computes the gains G of a frame, and their gradient. Its buffers are reused by every frame. */
class BinGains {
  readonly #bands: MelBands
  readonly #iterations: number
  readonly #relaxation: number
  /** 1/s per bin. */
  readonly #shares: Float64Array
  /** G before each update and after the last one, `[iterations + 1 × bins]`. */
  readonly #gains: Float64Array
  /** The factor of each update, before it is bounded, `[iterations × bins]`. */
  readonly #ratios: Float64Array
  /** W·(G ⊙ |Z|) + 1e-9 in each update, `[iterations × bands]`. */
  readonly #sums: Float64Array
  /** G ⊙ |Z| in one update, `[bins]`. */
  readonly #products: Float64Array
  /** G after relaxation, `[bins]`. */
  readonly #relaxed: Float64Array
  readonly #byGain: Float64Array
  readonly #byProduct: Float64Array

  constructor(bands: MelBands, { iterations, relaxation }: GainSettings) {
    const { bins, columnSums, convention } = bands
    this.#bands = bands
    this.#iterations = iterations
    this.#relaxation = relaxation
    this.#shares = columnSums.map(sum => 1 / (sum + TINY))
    this.#gains = new Float64Array((iterations + 1) * bins)
    this.#ratios = new Float64Array(iterations * bins)
    this.#sums = new Float64Array(iterations * convention.bands)
    this.#products = new Float64Array(bins)
    this.#relaxed = new Float64Array(bins)
    this.#byGain = new Float64Array(bins)
    this.#byProduct = new Float64Array(bins)
  }

  /** G of one frame, valid until the next call. @param magnitudes |Z|, `[bins]` @param targets y, `[bands]` */
  fit(magnitudes: Float64Array, targets: Float64Array): Float64Array {
    const { bins, filters } = this.#bands
    const gains = this.#gains
    gains.fill(1, 0, bins)
    for (let i = 0; i < this.#iterations; i++) {
      const now = i * bins
      const ratios = this.#ratios.subarray(now, now + bins).fill(0)
      const products = this.#products
      for (let bin = 0; bin < bins; bin++) products[bin] = gains[now + bin]! * magnitudes[bin]!
      for (let band = 0; band < filters.length; band++) {
        const { start, weights } = filters[band]!
        let sum = SILENT
        for (let k = 0; k < weights.length; k++) sum += weights[k]! * products[start + k]!
        this.#sums[i * filters.length + band] = sum
        const ratio = targets[band]! / sum
        for (let k = 0; k < weights.length; k++) ratios[start + k]! += weights[k]! * ratio
      }
      for (let bin = 0; bin < bins; bin++) {
        ratios[bin]! *= this.#shares[bin]!
        gains[now + bins + bin] = gains[now + bin]! * Math.min(MAX_GAIN, ratios[bin]!)
      }
    }
    const last = this.#iterations * bins
    for (let bin = 0; bin < bins; bin++) {
      const gain = gains[last + bin]!
      this.#relaxed[bin] = gain * relaxationFactor(gain, this.#relaxation)
    }
    return this.#relaxed
  }

  /**
   * Adds ∂loss/∂|Z| through the G of the last call to `byMagnitude`.
   *
   * @param byGains ∂loss/∂G, `[bins]`
   */
  addGradient(magnitudes: Float64Array, targets: Float64Array, byGains: Float64Array, byMagnitude: Float64Array): void {
    const { bins, filters } = this.#bands
    const byGain = this.#byGain
    const byProduct = this.#byProduct
    const last = this.#iterations * bins
    for (let bin = 0; bin < bins; bin++) {
      byGain[bin] = byGains[bin]! * relaxationSlope(this.#gains[last + bin]!, this.#relaxation)
    }
    for (let i = this.#iterations - 1; i >= 0; i--) {
      const now = i * bins
      const gains = this.#gains.subarray(now, now + bins)
      const ratios = this.#ratios.subarray(now, now + bins)
      byProduct.fill(0)
      for (let band = 0; band < filters.length; band++) {
        const { start, weights } = filters[band]!
        let byRatio = 0
        for (let k = 0; k < weights.length; k++) {
          const bin = start + k
          if (ratios[bin]! <= MAX_GAIN) byRatio += weights[k]! * this.#shares[bin]! * byGain[bin]! * gains[bin]!
        }
        const sum = this.#sums[i * filters.length + band]!
        const bySum = (-byRatio * targets[band]!) / (sum * sum)
        for (let k = 0; k < weights.length; k++) byProduct[start + k]! += weights[k]! * bySum
      }
      for (let bin = 0; bin < bins; bin++) {
        byMagnitude[bin]! += byProduct[bin]! * gains[bin]!
        byGain[bin] = byGain[bin]! * Math.min(MAX_GAIN, ratios[bin]!) + byProduct[bin]! * magnitudes[bin]!
      }
    }
  }
}

/** One pass over one clip that arrives piece by piece. The result does not depend on the pieces. */
class CorrectionPass {
  /** The next frame to add. */
  frame = 0
  readonly #shared: PassTables
  readonly #targets: TargetFrames
  /** Samples from the next frame's start on. */
  #samples: Float32Array<ArrayBufferLike>
  /** Sums of frames from the next frame's start on, and sums of squared windows. */
  readonly #sums: Float64Array
  readonly #squares: Float64Array
  #fed = 0
  #returned = 0

  constructor(shared: PassTables, targets: TargetFrames) {
    const { size } = shared
    this.#shared = shared
    this.#targets = targets
    // The first frame begins before the clip: zeros.
    this.#samples = new Float32Array(size / 2)
    this.#sums = new Float64Array(size)
    this.#squares = new Float64Array(size)
  }

  /** Appends audio and returns what is now final. @param last whether this is the last audio */
  push(audio: Float32Array, last: boolean): Float32Array {
    const { size, hop, transform, squares } = this.#shared
    this.#fed += audio.length
    const frames = last ? Math.min(this.#targets.end, Math.floor(this.#fed / hop) + 1) : Number.POSITIVE_INFINITY
    const samples = new Float32Array(this.#samples.length + audio.length + (last ? size : 0))
    samples.set(this.#samples)
    samples.set(audio, this.#samples.length)
    const results = new Float32Array(this.#fed - this.#returned)
    let [at, count] = [0, 0]
    while (this.frame < frames && at + size <= samples.length) {
      const spectrum = transform.forward(samples, at) as number[]
      const gains = this.#shared.gainsOf(spectrum, this.#targets.rows(this.frame, this.frame + 1))
      for (let bin = 0; bin < gains.length; bin++) {
        spectrum[2 * bin]! *= gains[bin]!
        spectrum[2 * bin + 1]! *= gains[bin]!
      }
      transform.inverseAdd(spectrum, this.#sums, 0)
      for (let i = 0; i < size; i++) this.#squares[i]! += squares[i]!
      count += this.#writeFinal(results, count, hop)
      for (const sums of [this.#sums, this.#squares]) {
        sums.copyWithin(0, hop)
        sums.fill(0, size - hop)
      }
      this.frame++
      at += hop
    }
    if (last) count += this.#writeFinal(results, count, size)
    this.#samples = samples.slice(at)
    return results.slice(0, count)
  }

  /** Writes the results of the first `length` sums that lie in the clip and were not returned before. */
  #writeFinal(results: Float32Array, count: number, length: number): number {
    const { size, hop } = this.#shared
    const start = this.frame * hop - size / 2
    const from = Math.max(0, this.#returned - start)
    const to = Math.min(length, this.#fed - start)
    for (let i = from; i < to; i++) results[count + i - from] = this.#sums[i]! / Math.max(this.#squares[i]!, TINY)
    const written = Math.max(0, to - from)
    this.#returned += written
    return written
  }
}

/** Tables and buffers that all passes over all clips share. */
class PassTables {
  readonly size: number
  readonly hop: number
  readonly transform: FrameTransform
  /** h², `[size]`. */
  readonly squares: Float64Array
  readonly gains: BinGains
  readonly magnitudes: Float64Array

  constructor(bands: MelBands, settings: GainSettings) {
    const { fftSize, hop } = bands.convention
    this.size = fftSize
    this.hop = hop
    this.transform = new FrameTransform(bands.convention)
    this.squares = this.transform.window.map(h => h * h)
    this.gains = new BinGains(bands, settings)
    this.magnitudes = new Float64Array(bands.bins)
  }

  /** G of a frame. @param spectrum `[bins × 2]` */
  gainsOf(spectrum: ArrayLike<number>, targets: Float64Array): Float64Array {
    const { magnitudes } = this
    for (let bin = 0; bin < magnitudes.length; bin++) {
      const [re, im] = [spectrum[2 * bin]!, spectrum[2 * bin + 1]!]
      magnitudes[bin] = Math.sqrt(re * re + im * im)
    }
    return this.gains.fit(magnitudes, targets)
  }
}

/** The correction of one clip that arrives piece by piece. */
export interface CorrectionStream {
  /** Appends audio and returns what is now final. @param last whether this is the last audio */
  push(audio: Float32Array, last: boolean): Float32Array
  /** The first frame of the mel that is still needed. */
  readonly neededFrame: number
}

/** The correction towards mels, for one convention. */
export class MelCorrection {
  /**
   * Max number of samples by which the result lags behind the audio. A result depends on at most as many samples on
   * either side.
   */
  readonly lag: number
  readonly #bands: MelBands
  readonly #passes: number
  readonly #shared: PassTables

  /** @param convention one without a `correctionObstacle` */
  constructor(convention: MelConvention, settings: CorrectionSettings) {
    this.lag = correctionLag(convention, settings.passes)
    this.#passes = settings.passes
    this.#bands = new MelBands(convention)
    this.#shared = new PassTables(this.#bands, settings)
  }

  /** Makes the store for a clip's mel, which `stream` reads. */
  targets(): TargetFrames {
    return new TargetFrames(this.#bands)
  }

  /**
   * Starts the correction of a clip.
   *
   * @param targets the clip's mel. Before a piece of audio is pushed, all frames up to one beyond it must have arrived
   */
  stream(targets: TargetFrames): CorrectionStream {
    const passes = Array.from({ length: this.#passes }, () => new CorrectionPass(this.#shared, targets))
    return {
      push: (audio, last) => passes.reduce((piece, pass) => pass.push(piece, last), audio),
      get neededFrame() {
        return passes.at(-1)!.frame
      },
    }
  }

  /** Corrects a whole clip. @returns as many samples as the audio has, with the same bytes as from `stream` */
  correct(audio: Float32Array, mel: Mel): Float32Array {
    const targets = this.targets()
    targets.push(mel)
    return this.stream(targets).push(audio, true)
  }

  /**
   * Computes ∂loss/∂audio of a whole clip from ∂loss/∂result.
   *
   * @param byResult as long as the audio
   */
  gradient(audio: Float32Array, mel: Mel, byResult: Float32Array): Float32Array {
    const targets = this.targets()
    targets.push(mel)
    const inputs = [audio]
    for (let pass = 1; pass < this.#passes; pass++) {
      inputs.push(new CorrectionPass(this.#shared, targets).push(inputs[pass - 1]!, true))
    }
    return inputs.reduceRight((gradient, input) => this.#backward(input, targets, gradient), byResult)
  }

  /** The gradient of one pass. */
  #backward(input: Float32Array, targets: TargetFrames, byResult: Float32Array): Float32Array {
    const { size, hop, transform, squares, magnitudes, gains: binGains } = this.#shared
    const half = size / 2
    const frames = Math.min(targets.end, Math.floor(input.length / hop) + 1)
    const padded = new Float64Array((frames - 1) * hop + size)
    padded.set(input.subarray(0, padded.length - half), half)
    const covered = new Float64Array(padded.length)
    for (let f = 0; f < frames; f++) for (let n = 0; n < size; n++) covered[f * hop + n]! += squares[n]!
    const bySums = new Float64Array(padded.length)
    for (let t = 0; t < Math.min(byResult.length, padded.length - half); t++) {
      bySums[half + t] = byResult[t]! / Math.max(covered[half + t]!, TINY)
    }
    const result = new Float64Array(padded.length)
    const bins = magnitudes.length
    const byGains = new Float64Array(bins)
    const byMagnitude = new Float64Array(bins)
    const spectrum = new Float64Array(2 * bins)
    for (let f = 0; f < frames; f++) {
      const found = transform.forward(padded, f * hop)
      for (let i = 0; i < 2 * bins; i++) spectrum[i] = found[i]!
      const gains = this.#shared.gainsOf(spectrum, targets.rows(f, f + 1))
      // The inverse transform weights a bin by c/L: c = 1 for the first and the last bin, 2 for the others. The
      // gradient of the forward transform weights every bin by 1. `inverseAdd` computes that gradient here, so its c/L
      // must be divided out, and the total factor is (c/L) · (L/c) = 1.
      const byProduct = transform.forward(bySums, f * hop) as number[]
      for (let bin = 0; bin < bins; bin++) {
        byGains[bin] = spectrum[2 * bin]! * byProduct[2 * bin]! + spectrum[2 * bin + 1]! * byProduct[2 * bin + 1]!
        byGains[bin]! *= bin === 0 || bin === bins - 1 ? 1 : 2
      }
      byMagnitude.fill(0)
      binGains.addGradient(magnitudes, targets.rows(f, f + 1), byGains, byMagnitude)
      for (let bin = 0; bin < bins; bin++) {
        const count = bin === 0 || bin === bins - 1 ? 1 : 2
        const slope = magnitudes[bin]! === 0 ? 0 : byMagnitude[bin]! / count / magnitudes[bin]!
        for (const i of [2 * bin, 2 * bin + 1]) byProduct[i] = byProduct[i]! * gains[bin]! + slope * spectrum[i]!
      }
      transform.inverseAdd(byProduct, result, f * hop)
    }
    return Float32Array.from({ length: input.length }, (_, t) => result[half + t] ?? 0)
  }
}
