/**
 * The squared error of audio, weighted in each time-frequency region by the inverse of the target's magnitude there
 * (the loss of Flow2GAN). Soft parts then count beside loud ones.
 *
 *     mean over bins and frames of |STFT(x̂ − x)|² · clamp((X̄² + 1e-7)^−½, 0.01, 100)
 *
 * The STFT has windows of 1,024 samples and is not normalised. Bins 0 to 511 count. X̄² is the mean of |STFT(x)|² over
 * pairs of bins. Bins above the clip's own bandwidth do not count, as the recording has no information about them.
 */
import { type ErrorTerm, type PhaseTerm, type TermSums, termFrames } from '../../engines/loss-kernels.js'
import { binsBelow, type CentredFrames, type Comparison } from './centred-frames.js'

const SIZE = 1024
const BINS = SIZE / 2 + 1
const SMALLEST_POWER = 1e-7
const MIN_WEIGHT = 1e-2
const MAX_WEIGHT = 1e2

/** A tenth of the target's magnitude, squared. Predictions softer than that count less in the loss of phases. */
const LEAST_SHARE = 0.1 * 0.1
/** Power that is added under a root, so that the root is never 0. */
const SMALLEST = 1e-12

/**
 * Describes the loss above.
 *
 * @param sampleRate sample rate of the audio in Hz
 */
export function errorTerm({ made, wanted, limit, weight }: Comparison, sampleRate: number): ErrorTerm {
  const errors = made.map((x, n) => x - wanted[n]!)
  return { kind: 'error', size: SIZE, made: errors, wanted, bins: countedBins(limit, sampleRate), weight }
}

/**
 * Describes the same loss of phases alone. X̂ is the spectrum of x̂, with the magnitudes replaced by those of X, the
 * spectrum of x:
 *
 *     mean over bins and frames of 2·(|X|² − |X|·Re(X̂·X*)/√(|X̂|² + (|X|/10)²)) · clamp(…)
 *
 * Where phases can only be guessed, the squared error favours smaller magnitudes. This loss does not.
 *
 * @param sampleRate sample rate of the audio in Hz
 * @param counts says whether the frame centred on a sample counts. Other frames are 0 in the mean.
 */
export function phaseTerm(
  { made, wanted, limit, weight }: Comparison,
  sampleRate: number,
  counts: (sample: number) => boolean,
): PhaseTerm {
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

/** Number of bins that count. The last bin never does: it has no partner for the mean over pairs. */
function countedBins(limit: number, sampleRate: number): number {
  return Math.min(BINS - 1, binsBelow(limit, BINS, sampleRate))
}

/** A term whose loss is the mean error of its regions. */
type RegionTerm = ErrorTerm | PhaseTerm

/** Computes the mean error of all regions. */
export function regionLoss(term: RegionTerm, { sums }: TermSums): number {
  let loss = 0
  for (let frame = 0; frame < sums.length; frame++) loss += sums[frame]!
  return loss * regionShare(term, sums.length)
}

/** Computes the share that one region has in the mean. */
function regionShare({ bins }: RegionTerm, frames: number): number {
  return 1 / Math.max(1, bins * frames)
}

/** Computes the sums of the loss of errors, and its gradient unless the weight is 0. */
export function weighErrors(term: ErrorTerm, transform: CentredFrames, to: TermSums): void {
  eachRegion(term, transform, to, (made, _, i, scale) => {
    const error = made[i]! * made[i]! + made[i + 1]! * made[i + 1]!
    made[i]! *= 2 * scale
    made[i + 1]! *= 2 * scale
    return error
  })
}

/** Computes the sums of the loss of phases, and its gradient unless the weight is 0. */
export function comparePhases(term: PhaseTerm, transform: CentredFrames, to: TermSums): void {
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
 * Sums the weighted errors of all regions, and computes their gradient with respect to the audio unless the weight is
 * 0.
 *
 * @param error computes the unweighted error of the bin whose real part is at index i. It overwrites that bin of `made`
 *   with the gradient, times `scale`.
 */
function eachRegion(
  term: RegionTerm,
  transform: CentredFrames,
  { sums, gradient }: TermSums,
  error: (made: Float64Array, wanted: Float64Array, i: number, scale: number) => number,
): void {
  const { bins } = transform
  const made = transform.spectra(term.made)
  const wanted = transform.spectra(term.wanted)
  for (let frame = 0; frame < sums.length; frame++) {
    const at = 2 * frame * bins
    const end = term.kind === 'error' || term.counts[frame] !== 0 ? term.bins : 0
    for (let bin = 0; bin < end; bin++) {
      const pair = at + 4 * (bin >> 1)
      let power = SMALLEST_POWER
      for (let part = pair; part < pair + 4; part++) power += (wanted[part]! * wanted[part]!) / 2
      const scale = Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, 1 / Math.sqrt(power)))
      sums[frame]! += scale * error(made, wanted, at + 2 * bin, scale)
    }
    made.fill(0, at + 2 * end, at + 2 * bins)
  }
  if (term.weight === 0) return
  const factor = regionShare(term, sums.length) * term.weight
  for (let i = 0; i < made.length; i++) made[i]! *= factor
  transform.addGradient(made, gradient.length, gradient)
}
