/** Computes spectral terms without an engine's kernels, and the loss of a clip from its terms. */
import { type ComputeTerms, emptySums, type SpectralTerm, type TermSums } from '../../engines/loss-kernels.js'
import { CentredFrames } from './centred-frames.js'
import { compareMagnitudes, magnitudeLoss } from './magnitude-distance.js'
import { comparePhases, regionLoss, weighErrors } from './time-frequency-loss.js'

/** The readable version of spectral terms. It holds buffers that all terms of one window length share. */
export class ReadableTerms {
  readonly #frames = new Map<number, CentredFrames>()

  sums(term: SpectralTerm): TermSums {
    let transform = this.#frames.get(term.size)
    if (transform === undefined) {
      transform = new CentredFrames(term.size)
      this.#frames.set(term.size, transform)
    }
    const sums = emptySums(term)
    compare(term, transform, sums)
    return sums
  }
}

/** Computes the sums of a term, and its gradient unless the weight is 0. */
function compare(term: SpectralTerm, transform: CentredFrames, to: TermSums): void {
  if (term.kind === 'error') weighErrors(term, transform, to)
  else if (term.kind === 'phase') comparePhases(term, transform, to)
  else compareMagnitudes(term, transform, to)
}

/** Computes the loss of a term: a mean over frames and bins, without the term's weight. */
export function termLoss(term: SpectralTerm, found: TermSums): number {
  return term.kind === 'magnitude' ? magnitudeLoss(term, found) : regionLoss(term, found)
}

/** The terms that make up the loss of a clip: Σ factor × loss of the term. */
export interface ClipTerms {
  readonly terms: readonly (SpectralTerm & { readonly factor: number })[]
  /** Length of the clip in samples. */
  readonly samples: number
  /** Number of samples at either end that the terms leave out. */
  readonly edge: number
}

export interface ClipLoss {
  readonly loss: number
  /** Sums up ∂loss/∂output over the terms, times their weights, `[samples]`. */
  readonly gradient: () => Float64Array
}

/**
 * Computes the loss of each clip.
 *
 * @param compute the engine's kernels; undefined for the readable version
 */
export async function clipLosses(
  clips: readonly ClipTerms[],
  readable: ReadableTerms,
  compute: ComputeTerms | undefined,
): Promise<readonly ClipLoss[]> {
  const terms = clips.flatMap(clip => clip.terms)
  const found = compute === undefined ? terms.map(term => readable.sums(term)) : await compute(terms)
  let at = 0
  return clips.map(({ terms: own, samples, edge }) => {
    const parts = found.slice(at, at + own.length)
    at += own.length
    const gradient = () => {
      const sum = new Float64Array(samples)
      for (const part of parts) {
        for (let n = 0; n < part.gradient.length; n++) sum[edge + n]! += part.gradient[n]!
      }
      return sum
    }
    return { loss: own.reduce((sum, term, i) => sum + term.factor * termLoss(term, parts[i]!), 0), gradient }
  })
}
