/**
 * What training minimises, as a function of the network's output: the error of what it predicts, and, if the config
 * asks, the spectral loss of the audio x̂_0 that this stands for; both of audio that an emphasis has weighed, if there
 * is one. Or, of networks that predict x_0, the time-frequency loss. The engine brings its gradient by the outputs back
 * to the parameters.
 */
import type { Engine, LossGradients, LossRequest } from '../../engines/engine.js'
import { hasCorrection } from '../../model/network.js'
import type { TrainingConfig } from '../config.js'
import { MagnitudeDistance } from './magnitude-distance.js'
import { SpectralLoss } from './spectral-loss.js'
import { TimeFrequencyLoss } from './time-frequency-loss.js'

/** A batch, and what it was made of. */
export interface NoisedBatch extends Omit<LossRequest, 'loss'> {
  /** ᾱ of each clip. */
  readonly levels: readonly number[]
  /** x_0 of each clip. */
  readonly clean: readonly Float32Array[]
  /** A symmetric linear map that weighs each clip's errors; null: they count as they are. */
  readonly emphases: readonly (((audio: Float32Array) => Float32Array) | null)[]
  /** Bandwidth of each clip in Hz: what lies above does not count in the time-frequency loss. */
  readonly limits: readonly number[]
  /** Factor of each clip's noise level (`levelWeight`); `weight` has it, too. */
  readonly levelWeights: readonly number[]
}

export class Objective {
  readonly #spectral: SpectralLoss | null
  /** The time-frequency loss and its distance of magnitudes; null: another loss. */
  readonly #timeFrequency: AudioObjective | null

  readonly #config: ObjectiveConfig

  constructor(config: ObjectiveConfig) {
    const { loss, spectral } = config
    this.#config = config
    this.#spectral = spectral === null || loss === 'time-frequency' ? null : new SpectralLoss(spectral.windows)
    this.#timeFrequency = loss === 'time-frequency' ? new AudioObjective(config.model, spectral) : null
  }

  /** Each clip's loss, and the gradient of their mean (by samples) by each clip's output. */
  of(
    batch: NoisedBatch,
    outputs: readonly Float32Array[],
  ): { readonly clipLosses: Float32Array; readonly gradients: readonly Float32Array[] } {
    const total = samplesIn(outputs)
    const clipLosses = new Float32Array(outputs.length)
    const timeFrequency = this.#timeFrequency
    if (timeFrequency !== null) {
      const gradients = outputs.map((output, i) => {
        const found = timeFrequency.of(output, batch.clean[i]!, batch.limits[i]!, batch.levelWeights[i]!)
        clipLosses[i] = found.loss
        const share = output.length / total
        return Float32Array.from(found.gradient, g => g * share)
      })
      return { clipLosses, gradients }
    }
    const gradients = outputs.map((output, i) => {
      const target = batch.target[i]!
      const emphasise = batch.emphases[i] ?? null
      const plain = output.map((value, n) => value - target[n]!)
      const error = emphasise === null ? plain : emphasise(plain)
      const { loss, gradient } = this.#ofError(error, batch.weight?.[i])
      const spectral = this.#spectralOf(batch, i, error, gradient)
      clipLosses[i] = loss + spectral
      const share = output.length / total
      const byError = gradient.map(g => g * share)
      return emphasise === null ? byError : emphasise(byError)
    })
    return { clipLosses, gradients }
  }

  /** Loss and gradients of a batch by the network's parameters. */
  async differentiate(engine: Engine, batch: NoisedBatch): Promise<LossGradients> {
    const { levels, clean, emphases, limits, levelWeights, ...request } = batch
    const { loss: kind } = this.#config
    if (kind !== 'time-frequency' && this.#spectral === null && emphases.every(emphasis => emphasis === null)) {
      return engine.lossGradients({ ...request, loss: kind })
    }
    let loss = 0
    let clipLosses: Float32Array = new Float32Array(0)
    const gradients = await engine.backward({
      ...request,
      gradientOf: outputs => {
        const found = this.of(batch, outputs)
        clipLosses = found.clipLosses
        const total = samplesIn(outputs)
        loss = outputs.reduce((sum, output, i) => sum + (clipLosses[i]! * output.length) / total, 0)
        return found.gradients
      },
    })
    return { loss, clipLosses, gradients }
  }

  /** Mean loss of a clip's error, and its gradient. */
  #ofError(error: Float32Array, weight: Float32Array | undefined) {
    const gradient = new Float32Array(error.length)
    let loss = 0
    for (let n = 0; n < error.length; n++) {
      const e = error[n]!
      const w = weight?.[n] ?? 1
      loss += w * (this.#config.loss === 'l1' ? Math.abs(e) : e * e)
      gradient[n] = (w * (this.#config.loss === 'l1' ? Math.sign(e) : 2 * e)) / error.length
    }
    return { loss: loss / error.length, gradient }
  }

  /** With x_0 = α·x_t − σ·v, an error e of v is one of −σ·e of x̂_0. Adds to the gradient by e. */
  #spectralOf(batch: NoisedBatch, i: number, error: Float32Array, gradient: Float32Array): number {
    const { spectral } = this.#config
    if (spectral === null || this.#spectral === null) return 0
    const sigma = Math.sqrt(1 - batch.levels[i]!)
    const clean = batch.emphases[i]?.(batch.clean[i]!) ?? batch.clean[i]!
    const estimate = clean.map((x, n) => x - sigma * error[n]!)
    const { loss, gradient: byEstimate } = this.#spectral.of(estimate, clean)
    for (let n = 0; n < gradient.length; n++) gradient[n]! -= spectral.weight * sigma * byEstimate[n]!
    return spectral.weight * loss
  }
}

/** What of a training config decides the objective. */
export interface ObjectiveConfig extends Pick<TrainingConfig, 'loss' | 'spectral'> {
  readonly model: {
    readonly sampleRate: number
    readonly network?: Pick<TrainingConfig['model']['network'], 'frontEnd'>
    readonly mel?: TrainingConfig['model']['mel']
  }
}

/** The time-frequency loss of x̂_0, and beside it a distance of magnitudes. */
class AudioObjective {
  readonly #main: TimeFrequencyLoss
  readonly #magnitudes: MagnitudeDistance | null
  readonly #weight: number
  /** Samples at either end of a crop that do not count: a correction towards the mel lacks the audio beyond. */
  readonly #edge: number

  constructor({ sampleRate, network, mel }: ObjectiveConfig['model'], spectral: TrainingConfig['spectral']) {
    this.#edge = network === undefined || !hasCorrection(network) ? 0 : (mel?.windowLength ?? 0) / 2
    this.#main = new TimeFrequencyLoss(sampleRate)
    this.#magnitudes = spectral === null ? null : new MagnitudeDistance(sampleRate, spectral.windows)
    this.#weight = spectral?.weight ?? 0
  }

  of(predicted: Float32Array, clean: Float32Array, limit: number, levelWeight: number) {
    const gradient = new Float64Array(predicted.length)
    const inner = <Samples extends Float32Array | Float64Array>(samples: Samples) =>
      samples.subarray(this.#edge, samples.length - this.#edge) as Samples
    const [made, wanted, byMade] = [inner(predicted), inner(clean), inner(gradient)]
    const main = levelWeight * this.#main.add(made, wanted, limit, byMade, levelWeight)
    const more = this.#magnitudes?.add(made, wanted, limit, byMade, this.#weight) ?? 0
    return { loss: main + this.#weight * more, gradient }
  }
}

function samplesIn(clips: readonly Float32Array[]): number {
  return clips.reduce((sum, clip) => sum + clip.length, 0)
}
