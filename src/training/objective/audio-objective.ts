/** Computes the objective of networks that predict x_0 as audio. */
import { HIGHEST_ALIGNED } from '../../data-domain/pulse-alignment.js'
import type { ComputeTerms, SpectralTerm } from '../../engines/loss-kernels.js'
import { hasCorrection } from '../../model/network.js'
import type { TrainingConfig } from '../config.js'
import { magnitudeTerm } from './magnitude-distance.js'
import { type ClipLoss, type ClipTerms, clipLosses, ReadableTerms } from './spectral-term.js'
import { errorTerm, phaseTerm } from './time-frequency-loss.js'

/** The fields of a model that determine its objective. */
export interface AudioModel {
  readonly sampleRate: number
  readonly network?: Pick<TrainingConfig['model']['network'], 'frontEnd'>
  readonly mel?: TrainingConfig['model']['mel']
}

/** The network's output for a clip and the clean audio, of the same length, and the clip's bandwidth in Hz. */
export interface ComparedClip {
  readonly made: Float32Array
  readonly clean: Float32Array
  readonly limit: number
}

/** Computes the time-frequency loss of x̂_0, and a distance of magnitudes if the config asks for one. */
export class AudioObjective {
  readonly #sampleRate: number
  readonly #spectral: TrainingConfig['spectral']
  /**
   * Number of samples at either end of a crop that do not count. A correction towards the mel would need the audio
   * beyond the crop.
   */
  readonly #edge: number
  readonly #readable = new ReadableTerms()

  constructor({ sampleRate, network, mel }: AudioModel, spectral: TrainingConfig['spectral']) {
    this.#edge = network === undefined || !hasCorrection(network) ? 0 : (mel?.windowLength ?? 0) / 2
    this.#sampleRate = sampleRate
    this.#spectral = spectral
  }

  /**
   * Lists the terms of a clip at one noise level.
   *
   * @param levelWeight weight of the time-frequency loss
   * @param weight factor of the gradient. With 0 none is computed
   */
  noised(clip: ComparedClip, levelWeight: number, weight: number): ClipTerms {
    const main = errorTerm({ ...this.#inner(clip), weight: weight * levelWeight }, this.#sampleRate)
    return this.#clip(clip, [{ ...main, factor: levelWeight }, ...this.#magnitudes(clip, weight)])
  }

  /**
   * Lists the terms of a clip at one of the network's own steps. The distance of magnitudes always counts. The
   * time-frequency loss of phases is added where phases can be known: in voiced frames, up to the highest frequency at
   * which pulses are aligned.
   *
   * @param weight factor of the gradient. With 0 none is computed
   * @param voiced whether each position is voiced, `[positions]`, if pulses lie at those of the recording; else null
   */
  ownStep(clip: ComparedClip, weight: number, voiced: Uint8Array | null): ClipTerms {
    const magnitudes = this.#magnitudes(clip, weight)
    if (voiced === null) return this.#clip(clip, magnitudes)
    const stride = clip.clean.length / voiced.length
    const counts = (sample: number) =>
      voiced[Math.min(voiced.length - 1, Math.floor((sample + this.#edge) / stride))] === 1
    const compared = { ...this.#inner(clip), limit: Math.min(clip.limit, HIGHEST_ALIGNED), weight }
    return this.#clip(clip, [{ ...phaseTerm(compared, this.#sampleRate, counts), factor: 1 }, ...magnitudes])
  }

  /**
   * Computes the loss of each clip and its gradient with respect to the network's output.
   *
   * @param compute the engine's kernels. Default: the readable version
   */
  losses(clips: readonly ClipTerms[], compute?: ComputeTerms): Promise<readonly ClipLoss[]> {
    return clipLosses(clips, this.#readable, compute)
  }

  #magnitudes(clip: ComparedClip, weight: number): ClipTerms['terms'] {
    if (this.#spectral === null) return []
    const { windows, weight: own } = this.#spectral
    const share = 1 / windows.length
    const compared = { ...this.#inner(clip), weight: share * (weight * own) }
    return windows.map(size => ({ ...magnitudeTerm(size, compared, this.#sampleRate), factor: share * own }))
  }

  #clip({ made }: ComparedClip, terms: readonly (SpectralTerm & { readonly factor: number })[]): ClipTerms {
    return { terms, samples: made.length, edge: this.#edge }
  }

  #inner({ made, clean, limit }: ComparedClip) {
    const [from, to] = [this.#edge, made.length - this.#edge]
    return { made: made.subarray(from, to), wanted: clean.subarray(from, to), limit }
  }
}
