/**
 * What training minimises, as a function of the network's output: the error of what it predicts, and, where the config
 * asks, the spectral loss of the audio x̂_0 that this stands for; both of audio that an emphasis has weighed, where
 * there is one. The engine brings its gradient by the outputs back to the parameters.
 */
import type { Engine, LossGradients, LossRequest } from '../../engines/engine.js'
import type { TrainingConfig } from '../config.js'
import { SpectralLoss } from './spectral-loss.js'

/** A batch, and what it was made of. */
export interface NoisedBatch extends LossRequest {
  /** ᾱ of each clip. */
  readonly levels: readonly number[]
  /** x_0 of each clip. */
  readonly clean: readonly Float32Array[]
  /** A symmetric linear map that weighs each clip's errors; null: they count as they are. */
  readonly emphases: readonly (((audio: Float32Array) => Float32Array) | null)[]
}

export class Objective {
  readonly #spectral: SpectralLoss | null

  readonly #config: Pick<TrainingConfig, 'loss' | 'spectral'>

  constructor(config: Pick<TrainingConfig, 'loss' | 'spectral'>) {
    this.#config = config
    this.#spectral = config.spectral === null ? null : new SpectralLoss(config.spectral.windows)
  }

  /** Each clip's loss, and the gradient of their mean (by samples) by each clip's output. */
  of(
    batch: NoisedBatch,
    outputs: readonly Float32Array[],
  ): { readonly clipLosses: Float32Array; readonly gradients: readonly Float32Array[] } {
    const total = samplesIn(outputs)
    const clipLosses = new Float32Array(outputs.length)
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
    const { levels, clean, emphases, ...request } = batch
    if (this.#spectral === null && emphases.every(emphasis => emphasis === null)) return engine.lossGradients(request)
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

function samplesIn(clips: readonly Float32Array[]): number {
  return clips.reduce((sum, clip) => sum + clip.length, 0)
}
