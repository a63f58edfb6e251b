/**
 * What training minimises, as a function of the network's output: the error of what it predicts, and, where the config asks,
 * the spectral loss of the audio x̂_0 that this stands for. Any engine differentiates it: the gradient g of N outputs o is that of
 * the mean squared error against o − g·N/2.
 */
import type { Engine, LossGradients, LossRequest } from '../engines/engine.js'
import type { TrainingConfig } from './config.js'
import { SpectralLoss } from './spectral-loss.js'

/** A batch, and what it was made of. */
export interface NoisedBatch extends LossRequest {
  /** ᾱ of each clip. */
  readonly levels: readonly number[]
  /** x_0 of each clip. */
  readonly clean: readonly Float32Array[]
}

export class Objective {
  readonly #spectral: SpectralLoss | null

  constructor(private readonly config: Pick<TrainingConfig, 'loss' | 'spectral'>) {
    this.#spectral = config.spectral === null ? null : new SpectralLoss(config.spectral.windows)
  }

  /** Each clip's loss, and the gradient of their mean (by samples) by each clip's output. */
  of(
    batch: NoisedBatch,
    outputs: readonly Float32Array[],
  ): { readonly clipLosses: Float32Array; readonly gradients: readonly Float32Array[] } {
    const total = outputs.reduce((sum, output) => sum + output.length, 0)
    const clipLosses = new Float32Array(outputs.length)
    const gradients = outputs.map((output, i) => {
      const target = batch.target[i]!
      const weight = batch.weight?.[i]
      const gradient = new Float32Array(output.length)
      let loss = 0
      for (let n = 0; n < output.length; n++) {
        const error = output[n]! - target[n]!
        const w = weight?.[n] ?? 1
        loss += w * (this.config.loss === 'l1' ? Math.abs(error) : error * error)
        gradient[n] = (w * (this.config.loss === 'l1' ? Math.sign(error) : 2 * error)) / total
      }
      clipLosses[i] = loss / output.length + this.#addSpectral(batch, i, output, gradient, output.length / total)
      return gradient
    })
    return { clipLosses, gradients }
  }

  /** Loss and gradients of a batch by the network's parameters. */
  async differentiate(engine: Engine, batch: NoisedBatch): Promise<LossGradients> {
    const { levels, clean, ...request } = batch
    if (this.#spectral === null) return engine.lossGradients(request)
    const outputs = await engine.predictNoise(request)
    const { clipLosses, gradients } = this.of(batch, outputs)
    const total = outputs.reduce((sum, output) => sum + output.length, 0)
    const target = outputs.map((output, i) => output.map((o, n) => o - (gradients[i]![n]! * total) / 2))
    const { weight, ...rest } = request
    const result = await engine.lossGradients({ ...rest, target, loss: 'l2' })
    const loss = outputs.reduce((sum, output, i) => sum + (clipLosses[i]! * output.length) / total, 0)
    return { loss, clipLosses, gradients: result.gradients }
  }

  /** x̂_0 = α·x_t − σ·v; its loss, whose gradient by v is added, times the clip's share of the mean. */
  #addSpectral(batch: NoisedBatch, i: number, output: Float32Array, gradient: Float32Array, share: number): number {
    const { spectral } = this.config
    if (spectral === null || this.#spectral === null) return 0
    const alpha = Math.sqrt(batch.levels[i]!)
    const sigma = Math.sqrt(1 - batch.levels[i]!)
    const x = batch.audio[i]!
    const estimate = output.map((v, n) => alpha * x[n]! - sigma * v)
    const { loss, gradient: byEstimate } = this.#spectral.of(estimate, batch.clean[i]!)
    for (let n = 0; n < gradient.length; n++) gradient[n]! -= spectral.weight * share * sigma * byEstimate[n]!
    return spectral.weight * loss
  }
}
