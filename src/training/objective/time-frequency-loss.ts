/**
 * The squared error of audio, weighted per time-frequency region by the inverse of the target's magnitude there (the
 * loss of Flow2GAN): what is soft counts beside what is loud.
 *
 *     mean over bins and frames of |STFT(x̂ − x)|² · clamp((X̄² + 1e-7)^−½, 0.01, 100)
 *
 * STFT with windows of 1,024 samples, not normalised; bins 0 … 511, X̄² the mean of |STFT(x)|² over pairs of them. Bins
 * above the clip's own bandwidth do not count: a recording says nothing about them.
 */
import { type SpectralTerm, type TermSums, termFrames } from '../../engines/loss-kernels.js'
import { binsBelow, type CentredFrames, type Comparison } from './centred-frames.js'

const SIZE = 1024
const BINS = SIZE / 2 + 1
const SMALLEST_POWER = 1e-7
const MIN_WEIGHT = 1e-2
const MAX_WEIGHT = 1e2

/** Of the target's magnitude: a prediction softer than that has less to say about phases. */
const LEAST_SHARE = 0.1 * 0.1
/** Power that keeps a root from being 0. */
const SMALLEST = 1e-12

/** The loss above. @param sampleRate of the audio, in Hz */
export function errorTerm({ made, wanted, limit, weight }: Comparison, sampleRate: number): SpectralTerm {
  const errors = made.map((x, n) => x - wanted[n]!)
  return { kind: 'error', size: SIZE, made: errors, wanted, bins: countedBins(limit, sampleRate), weight }
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
export function phaseTerm(
  { made, wanted, limit, weight }: Comparison,
  sampleRate: number,
  counts: (sample: number) => boolean,
): SpectralTerm {
  const frames = termFrames(SIZE, made.length)
  return {
    kind: 'phase',
    size: SIZE,
    made,
    wanted,
    bins: countedBins(limit, sampleRate),
    weight,
    counts: Uint8Array.from({ length: frames }, (_, frame) => (counts((frame * SIZE) / 4) ? 1 : 0)),
  }
}

/** The last bin has no partner. */
function countedBins(limit: number, sampleRate: number): number {
  return Math.min(BINS - 1, binsBelow(limit, BINS, sampleRate))
}

/** The loss of a term of kind `error` or `phase`: the mean of its regions' errors. */
export function regionLoss(term: SpectralTerm, { sums }: TermSums): number {
  let loss = 0
  for (let frame = 0; frame < sums.length; frame++) loss += sums[frame]!
  return loss * regionShare(term, sums.length)
}

/** Of a region in the mean. */
function regionShare({ bins }: SpectralTerm, frames: number): number {
  return 1 / Math.max(1, bins * frames)
}

/** Computes a term of kind `error`. */
export function weighErrors(term: SpectralTerm, transform: CentredFrames, to: TermSums): void {
  eachRegion(term, transform, to, (made, _, i, scale) => {
    const error = made[i]! * made[i]! + made[i + 1]! * made[i + 1]!
    made[i]! *= 2 * scale
    made[i + 1]! *= 2 * scale
    return error
  })
}

/** The same of kind `phase`. */
export function comparePhases(term: SpectralTerm, transform: CentredFrames, to: TermSums): void {
  eachRegion(term, transform, to, (made, wanted, i, scale) => {
    const [a, b, x, y] = [made[i]!, made[i + 1]!, wanted[i]!, wanted[i + 1]!]
    const power = x * x + y * y
    const product = a * x + b * y
    const root = Math.sqrt(power)
    const size = Math.sqrt(a * a + b * b + LEAST_SHARE * power + SMALLEST)
    const factor = (2 * scale * root) / size
    made[i] = factor * ((a * product) / (size * size) - x)
    made[i + 1] = factor * ((b * product) / (size * size) - y)
    return 2 * (power - (root * product) / size)
  })
}

/**
 * Sums the weighted errors of all regions, and brings their gradient back to the audio.
 *
 * @param error of the values from index i on, not weighted; it writes its gradient, weighted by `scale`, over those of
 *   `made`
 */
function eachRegion(
  term: SpectralTerm,
  transform: CentredFrames,
  { sums, gradient }: TermSums,
  error: (made: Float64Array, wanted: Float64Array, i: number, scale: number) => number,
): void {
  const { bins } = transform
  const made = transform.spectra(term.made)
  const wanted = transform.spectra(term.wanted)
  for (let frame = 0; frame < sums.length; frame++) {
    const at = 2 * frame * bins
    const end = term.counts === undefined || term.counts[frame] !== 0 ? term.bins : 0
    for (let bin = 0; bin < end; bin++) {
      const pair = at + 4 * (bin >> 1)
      let power = SMALLEST_POWER
      for (let part = pair; part < pair + 4; part++) power += (wanted[part]! * wanted[part]!) / 2
      const scale = Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, 1 / Math.sqrt(power)))
      sums[frame]! += scale * error(made, wanted, at + 2 * bin, scale)
    }
    made.fill(0, at + 2 * end, at + 2 * bins)
  }
  const factor = regionShare(term, sums.length) * term.weight
  for (let i = 0; i < made.length; i++) made[i]! *= factor
  transform.addGradient(made, gradient.length, gradient)
}
