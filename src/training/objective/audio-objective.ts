/** The objective of networks that predict x_0 as audio. */
import { HIGHEST_ALIGNED } from '../../data-domain/pulse-alignment.js'
import { hasCorrection } from '../../model/network.js'
import type { TrainingConfig } from '../config.js'
import { MagnitudeDistance } from './magnitude-distance.js'
import { TimeFrequencyLoss } from './time-frequency-loss.js'

/** The fields of a model that decide its objective. */
export interface AudioModel {
  readonly sampleRate: number
  readonly network?: Pick<TrainingConfig['model']['network'], 'frontEnd'>
  readonly mel?: TrainingConfig['model']['mel']
}

/** The time-frequency loss of x̂_0, and beside it a distance of magnitudes. */
export class AudioObjective {
  readonly #main: TimeFrequencyLoss
  readonly #magnitudes: MagnitudeDistance | null
  readonly #weight: number
  /** Samples at either end of a crop that do not count: a correction towards the mel lacks the audio beyond. */
  readonly #edge: number

  constructor({ sampleRate, network, mel }: AudioModel, spectral: TrainingConfig['spectral']) {
    this.#edge = network === undefined || !hasCorrection(network) ? 0 : (mel?.windowLength ?? 0) / 2
    this.#main = new TimeFrequencyLoss(sampleRate)
    this.#magnitudes = spectral === null ? null : new MagnitudeDistance(sampleRate, spectral.windows)
    this.#weight = spectral?.weight ?? 0
  }

  of(predicted: Float32Array, clean: Float32Array, limit: number, levelWeight: number) {
    const gradient = new Float64Array(predicted.length)
    const [made, wanted, byMade] = [this.#inner(predicted), this.#inner(clean), this.#inner(gradient)]
    const main = levelWeight * this.#main.add(made, wanted, limit, byMade, levelWeight)
    const more = this.#magnitudes?.add(made, wanted, limit, byMade, this.#weight) ?? 0
    return { loss: main + this.#weight * more, gradient }
  }

  /** The distance of magnitudes alone, with its factor; adds `weight` × its gradient to `gradient`. */
  magnitudes(
    predicted: Float32Array,
    clean: Float32Array,
    limit: number,
    gradient: Float64Array,
    weight: number,
  ): number {
    const [made, wanted] = [this.#inner(predicted), this.#inner(clean)]
    const factor = weight * this.#weight
    return this.#weight * (this.#magnitudes?.add(made, wanted, limit, this.#inner(gradient), factor) ?? 0)
  }

  /**
   * As `magnitudes`, and with it the time-frequency loss of phases where they can be known: in voiced frames, up to
   * where pulses are aligned.
   *
   * @param voiced positions with voice, `[positions]`
   */
  waveform(
    predicted: Float32Array,
    clean: Float32Array,
    limit: number,
    gradient: Float64Array,
    weight: number,
    voiced: Uint8Array,
  ): number {
    const [made, wanted] = [this.#inner(predicted), this.#inner(clean)]
    const stride = clean.length / voiced.length
    const counts = (sample: number) =>
      voiced[Math.min(voiced.length - 1, Math.floor((sample + this.#edge) / stride))] === 1
    const highest = Math.min(limit, HIGHEST_ALIGNED)
    const error = this.#main.addPhases(made, wanted, highest, this.#inner(gradient), weight, counts)
    return error + this.magnitudes(predicted, clean, limit, gradient, weight)
  }

  #inner<Samples extends Float32Array | Float64Array>(samples: Samples): Samples {
    return samples.subarray(this.#edge, samples.length - this.#edge) as Samples
  }
}
