/**
 * The parts of a loss on audio that an engine may compute itself, on all of its threads. The readable versions, with
 * the same bytes, are src/training/objective/spectral-term.ts and src/audio/mel/correction.ts.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import type { CorrectionSettings } from '../audio/mel/correction.js'

/**
 * Number of bins whose ratios are multiplied before a logarithm is taken of the product, because logarithms are slow.
 */
export const BINS_PER_RATIO = 8

/**
 * A comparison of two spectrograms at one resolution. The windows are periodic Hann windows of `size` samples with a
 * hop of size/4. Frame f is centred on sample f·size/4; there are ⌊samples/(size/4)⌋ + 1 frames, with zeros beyond the
 * ends.
 */
interface ComparedSpectra {
  /** Length of a window in samples: a power of two, at least 16. */
  readonly size: number
  /** The made audio. */
  readonly made: Float32Array
  /** The recording, as long as `made`. */
  readonly wanted: Float32Array
  /** Number of bins that count, from 0 Hz up: at most size/2. */
  readonly bins: number
  /** Factor of the gradient. 0: no gradient is needed, and kernels may leave it at 0. */
  readonly weight: number
}

/** Compares spectra by the error of their difference. `made` is the made audio minus the recording. */
export interface ErrorTerm extends ComparedSpectra {
  readonly kind: 'error'
}

/** Compares the phases of spectra. */
export interface PhaseTerm extends ComparedSpectra {
  readonly kind: 'phase'
  /** 1 for each frame that counts, else 0, `[frames]`. */
  readonly counts: Uint8Array
}

/** Compares the magnitudes of spectra. `bins` may be size/2 + 1. */
export interface MagnitudeTerm extends ComparedSpectra {
  readonly kind: 'magnitude'
  /** c, a magnitude below which differences are inaudible. */
  readonly softest: number
}

/** A comparison of the spectra of made audio and of its recording. */
export type SpectralTerm = ErrorTerm | PhaseTerm | MagnitudeTerm

/** The sums from which the loss of a term is computed, and its gradient. */
export interface TermSums {
  /**
   * Sum of the errors of all bins, for each frame, `[frames]`. For `magnitude`, with A and B the magnitudes of made
   * audio and recording: the sums of |A − B|, then the sums of B, `[2 × frames]`.
   */
  readonly sums: Float64Array
  /**
   * For `magnitude`: products, over BINS_PER_RATIO bins each, of (A + c)/(B + c) or its inverse, whichever is at least
   * 1, `[frames × ⌈bins/BINS_PER_RATIO⌉]`. Else empty. JavaScript takes the logarithms, because those of C libraries
   * differ.
   */
  readonly ratios: Float64Array
  /** weight × ∂loss/∂made, `[samples]`. */
  readonly gradient: Float64Array
}

/** Clips after the correction towards their mels, and the way back for gradients. */
export interface CorrectedClips {
  /** The corrected audio of each clip, as long as the clip. */
  readonly audio: readonly Float32Array[]
  /** Returns ∂loss/∂(audio before the correction) from ∂loss/∂(audio after it). */
  gradients(byResult: readonly Float32Array[]): Promise<readonly Float32Array[]>
}

/** Computes terms. The terms' arrays belong to the engine until the call has ended. */
export type ComputeTerms = (terms: readonly SpectralTerm[]) => Promise<readonly TermSums[]>

/**
 * An engine's code for losses. Use it only within `BackwardRequest.gradientOf`. All methods throw DiffWaveError
 * `ABORTED` and `ENGINE_FAILED`.
 */
export interface LossKernels {
  readonly terms: ComputeTerms
  /** As `MelCorrection`. @param mels one per clip */
  correct(
    convention: MelConvention,
    settings: CorrectionSettings,
    audio: readonly Float32Array[],
    mels: readonly Mel[],
  ): Promise<CorrectedClips>
}

/** Number of frames of a clip. @param size window of a term, in samples @param samples length of the clip */
export function termFrames(size: number, samples: number): number {
  return Math.floor(samples / (size / 4)) + 1
}

/** Allocates the arrays for the results of a term. */
export function emptySums(term: SpectralTerm): TermSums {
  const frames = termFrames(term.size, term.made.length)
  const comparesMagnitudes = term.kind === 'magnitude'
  return {
    sums: new Float64Array(comparesMagnitudes ? 2 * frames : frames),
    ratios: new Float64Array(comparesMagnitudes ? frames * Math.ceil(term.bins / BINS_PER_RATIO) : 0).fill(1),
    gradient: new Float64Array(term.made.length),
  }
}
