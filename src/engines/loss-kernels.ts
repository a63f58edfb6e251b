/**
 * Parts of a loss of audio that an engine may compute itself, on all of its threads. The readable versions, with the
 * same bytes, are src/training/objective/spectral-term.ts and src/audio/mel/correction.ts.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import type { CorrectionSettings } from '../audio/mel/correction.js'

/** Bins of a frame whose ratios are multiplied before one logarithm is taken of them all: logarithms take long. */
export const BINS_PER_RATIO = 8

/** How the spectra of audio and of its recording are compared. */
export type SpectralKind = 'error' | 'phase' | 'magnitude'

/**
 * A comparison of spectra: periodic Hann windows of `size` samples every size/4, frame f centred on sample f·size/4,
 * ⌊samples/(size/4)⌋ + 1 frames, zeros beyond the ends.
 */
export interface SpectralTerm {
  readonly kind: SpectralKind
  /** Samples of a window, a power of two from 16 on. */
  readonly size: number
  /** Audio; of `error` its difference from the recording. */
  readonly made: Float32Array
  /** The recording, as long. */
  readonly wanted: Float32Array
  /** Bins from 0 Hz up that count: at most size/2, of magnitudes one more. */
  readonly bins: number
  /** Factor of the gradient. */
  readonly weight: number
  /** Of `magnitude`: c, a magnitude so soft that differences are not heard. */
  readonly softest?: number
  /** Of `phase`: 1 for each frame that counts, else 0, `[frames]`. */
  readonly counts?: Uint8Array
}

/** What a term's loss is made of, and its gradient. */
export interface TermSums {
  /**
   * Of each frame the sum of its bins' errors, `[frames]`; of `magnitude` those of |A − B|, then those of B,
   * `[2 × frames]`.
   */
  readonly sums: Float64Array
  /**
   * Of `magnitude`: products over BINS_PER_RATIO bins of (A + c)/(B + c) or its inverse, whichever is at least 1,
   * `[frames × ⌈bins/BINS_PER_RATIO⌉]`; else empty. Their logarithms are left to JavaScript: those of C libraries
   * differ.
   */
  readonly ratios: Float64Array
  /** weight × ∂loss/∂made, `[samples]`. */
  readonly gradient: Float64Array
}

/** Clips that were corrected towards their mels. */
export interface CorrectedClips {
  /** As long as the audio. */
  readonly audio: readonly Float32Array[]
  /** ∂loss/∂(the audio before) from ∂loss/∂(the audio after). */
  gradients(byResult: readonly Float32Array[]): Promise<readonly Float32Array[]>
}

/** For use within `BackwardRequest.gradientOf` alone. All throw DiffWaveError `ABORTED`, `ENGINE_FAILED`. */
export interface LossKernels {
  terms(terms: readonly SpectralTerm[]): Promise<readonly TermSums[]>
  /** As `MelCorrection`. @param mels one per clip */
  correct(
    convention: MelConvention,
    settings: CorrectionSettings,
    audio: readonly Float32Array[],
    mels: readonly Mel[],
  ): Promise<CorrectedClips>
}

/** Frames of a term. */
export function termFrames({ size, made }: Pick<SpectralTerm, 'size' | 'made'>): number {
  return Math.floor(made.length / (size / 4)) + 1
}

/** Arrays for what is computed of a term. */
export function termRoom(term: SpectralTerm): TermSums {
  const frames = termFrames(term)
  const comparesMagnitudes = term.kind === 'magnitude'
  return {
    sums: new Float64Array(comparesMagnitudes ? 2 * frames : frames),
    ratios: new Float64Array(comparesMagnitudes ? frames * Math.ceil(term.bins / BINS_PER_RATIO) : 0).fill(1),
    gradient: new Float64Array(term.made.length),
  }
}
