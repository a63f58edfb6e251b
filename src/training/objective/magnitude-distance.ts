/**
 * A multi-resolution STFT distance between two signals (Yamamoto et al. 2020, “Parallel WaveGAN”, eq. 4–6, with
 * absolute differences). It is the mean over window lengths n of
 *
 *     mean |A − B| / (mean B + c) + mean |ln((A + c)/(B + c))|
 *
 * A and B are the magnitudes of prediction and target. Means are over frames and over the bins in the clip's own
 * bandwidth. c = 1e-4·√(3n/8) is the magnitude of white noise with a deviation of 1e-4. Differences below it are not
 * heard.
 */
import { BINS_PER_RATIO, type MagnitudeTerm, type TermSums } from '../../engines/loss-kernels.js'
import { binsBelow, type CentredFrames, type Comparison } from './centred-frames.js'

const SOFTEST = 1e-4

/**
 * Describes the distance at one window length, for `compareMagnitudes` or an engine's kernels.
 *
 * @param size window length in samples, a power of two
 * @param sampleRate sample rate of the audio in Hz
 */
export function magnitudeTerm(size: number, { limit, ...comparison }: Comparison, sampleRate: number): MagnitudeTerm {
  const bins = binsBelow(limit, size / 2 + 1, sampleRate)
  return { kind: 'magnitude', size, ...comparison, bins, softest: SOFTEST * Math.sqrt((3 * size) / 8) }
}

/** Computes the loss of a term from its sums, without the term's weight. */
export function magnitudeLoss(term: MagnitudeTerm, { sums, ratios }: TermSums): number {
  const frames = sums.length / 2
  const { unit, share } = meanOf(term, sums)
  let differences = 0
  for (let frame = 0; frame < frames; frame++) differences += sums[frame]!
  let logarithms = 0
  for (let i = 0; i < ratios.length; i++) logarithms += Math.log(ratios[i]!)
  return (differences * unit + logarithms) * share
}

/** Computes 1/(mean B + c), and the share that one bin of one frame has in a mean. */
function meanOf({ bins, softest }: MagnitudeTerm, sums: Float64Array) {
  const frames = sums.length / 2
  const share = 1 / Math.max(1, bins * frames)
  let sum = 0
  for (let frame = 0; frame < frames; frame++) sum += sums[frames + frame]!
  return { unit: 1 / (sum * share + softest), share }
}

/** Computes the sums of a term, and its gradient unless the weight is 0. */
export function compareMagnitudes(term: MagnitudeTerm, transform: CentredFrames, to: TermSums): void {
  const { bins: counted, weight, softest: c } = term
  const { bins } = transform
  const { sums, ratios, gradient } = to
  const frames = sums.length / 2
  const spectra = transform.spectra(term.made)
  const targets = transform.spectra(term.wanted)
  const wanted = new Float64Array(frames * counted)
  for (let frame = 0; frame < frames; frame++) {
    for (let bin = 0; bin < counted; bin++) {
      const i = 2 * (frame * bins + bin)
      const b = Math.sqrt(targets[i]! * targets[i]! + targets[i + 1]! * targets[i + 1]!)
      wanted[frame * counted + bin] = b
      sums[frames + frame]! += b
    }
  }
  const { unit, share } = meanOf(term, sums)
  const groups = Math.ceil(counted / BINS_PER_RATIO)
  // The power of each bin is raised a little, so that the root has a gradient at zero.
  const least = (c / 100) * (c / 100)
  for (let frame = 0; frame < frames; frame++) {
    for (let bin = 0; bin < counted; bin++) {
      const i = 2 * (frame * bins + bin)
      const a = Math.sqrt(spectra[i]! * spectra[i]! + spectra[i + 1]! * spectra[i + 1]! + least)
      const b = wanted[frame * counted + bin]!
      const [above, below] = [a + c, b + c]
      sums[frame]! += Math.abs(a - b)
      ratios[frame * groups + Math.floor(bin / BINS_PER_RATIO)]! *= above > below ? above / below : below / above
      const factor = (Math.sign(a - b) * (unit + 1 / above) * share * weight) / a
      spectra[i]! *= factor
      spectra[i + 1]! *= factor
    }
    spectra.fill(0, 2 * (frame * bins + counted), 2 * (frame + 1) * bins)
  }
  if (weight !== 0) transform.addGradient(spectra, gradient.length, gradient)
}
