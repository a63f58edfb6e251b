/**
 * What training minimises, as a function of the network's output: the error of what it predicts, and, where the config asks,
 * the spectral loss of the audio x̂_0 that this stands for. Any engine differentiates it: the gradient g of N outputs o is that of
 * the mean squared error against o − g·N/2.
 */
import type { Engine, LossGradients, LossRequest } from '../engines/engine.js'
import type { TrainingConfig } from './config.js'
import { addGradients, scaleGradients } from './gradients.js'
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
    if (this.#spectral === null) {
      const { levels, clean, ...request } = batch
      return engine.lossGradients(request)
    }
    // Two parts at once: while the engine works on one, the spectral loss of the other is computed here.
    const middle = Math.ceil(batch.audio.length / 2)
    const halves = middle === batch.audio.length ? [batch] : [clipsOf(batch, 0, middle), clipsOf(batch, middle)]
    const results = await Promise.all(halves.map(half => this.#differentiateAtOnce(engine, half)))
    const clipLosses = Float32Array.from(results.flatMap(result => [...result.clipLosses]))
    const shares = halves.map(half => samplesIn(half.audio) / samplesIn(batch.audio))
    const total = new Map(results[0]!.gradients)
    scaleGradients(total, shares[0]!)
    for (const [i, { gradients }] of results.entries()) {
      if (i === 0) continue
      scaleGradients(gradients, shares[i]!)
      addGradients(total, gradients)
    }
    const loss = results.reduce((sum, result, i) => sum + shares[i]! * result.loss, 0)
    return { loss, clipLosses, gradients: total }
  }

  async #differentiateAtOnce(engine: Engine, batch: NoisedBatch): Promise<LossGradients> {
    const { levels, clean, weight, ...request } = batch
    const outputs = await engine.predictNoise(request)
    const { clipLosses, gradients } = this.of(batch, outputs)
    const total = samplesIn(outputs)
    const target = outputs.map((output, i) => output.map((o, n) => o - (gradients[i]![n]! * total) / 2))
    const result = await engine.lossGradients({ ...request, target, loss: 'l2' })
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

function samplesIn(clips: readonly Float32Array[]): number {
  return clips.reduce((sum, clip) => sum + clip.length, 0)
}

/** Clips start … end − 1 of a batch. */
function clipsOf(batch: NoisedBatch, start: number, end?: number): NoisedBatch {
  const { audio, target, clean, levels, weight, mel, labels, steps } = batch
  return {
    ...batch,
    audio: audio.slice(start, end),
    target: target.slice(start, end),
    clean: clean.slice(start, end),
    levels: levels.slice(start, end),
    steps: Array.from(steps).slice(start, end),
    ...(weight === undefined ? {} : { weight: weight.slice(start, end) }),
    ...(mel === undefined ? {} : { mel: mel.slice(start, end) }),
    ...(labels === undefined ? {} : { labels: labels.slice(start, end) }),
  }
}
