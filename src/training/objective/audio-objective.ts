/** The objective of networks that predict x_0 as audio. */
import { HIGHEST_ALIGNED } from '../../data-domain/pulse-alignment.js'
import type { ComputeTerms, SpectralTerm } from '../../engines/loss-kernels.js'
import { hasCorrection } from '../../model/network.js'
import type { TrainingConfig } from '../config.js'
import { magnitudeTerm } from './magnitude-distance.js'
import { type ClipLoss, type ClipTerms, clipLosses, ReadableTerms } from './spectral-term.js'
import { errorTerm, phaseTerm } from './time-frequency-loss.js'

/** The fields of a model that decide its objective. */
export interface AudioModel {
  readonly sampleRate: number
  readonly network?: Pick<TrainingConfig['model']['network'], 'frontEnd'>
  readonly mel?: TrainingConfig['model']['mel']
}

/** A clip's audio, equally long, and its bandwidth in Hz. */
export interface ComparedClip {
  readonly made: Float32Array
  readonly clean: Float32Array
  readonly limit: number
}

/** The time-frequency loss of x̂_0, and beside it a distance of magnitudes. */
export class AudioObjective {
  readonly #sampleRate: number
  readonly #spectral: TrainingConfig['spectral']
  /** Samples at either end of a crop that do not count: a correction towards the mel lacks the audio beyond. */
  readonly #edge: number
  readonly #readable = new ReadableTerms()

  constructor({ sampleRate, network, mel }: AudioModel, spectral: TrainingConfig['spectral']) {
    this.#edge = network === undefined || !hasCorrection(network) ? 0 : (mel?.windowLength ?? 0) / 2
    this.#sampleRate = sampleRate
    this.#spectral = spectral
  }

  /** Of a clip at one noise level. @param levelWeight of the time-frequency loss */
  noised(clip: ComparedClip, levelWeight: number): ClipTerms {
    const main = errorTerm({ ...this.#inner(clip), weight: levelWeight }, this.#sampleRate)
    return this.#clip(clip, [{ ...main, factor: levelWeight }, ...this.#magnitudes(clip, 1)])
  }

  /**
   * Of one of the network's own steps: the distance of magnitudes alone, or with it the time-frequency loss of phases
   * where they can be known: in voiced frames, up to where pulses are aligned.
   *
   * @param weight of the gradient
   * @param voiced positions with voice, `[positions]`, if pulses stand where the recording's do; else null
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

  /** Each clip’s loss, and its gradient by what was made. @param compute an engine’s; default: the readable version */
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
