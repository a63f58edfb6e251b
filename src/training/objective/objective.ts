/**
 * Computes what training minimises, as a function of the network's output. That is the error of the prediction and, if
 * the config asks for it, the spectral loss of the audio x̂_0 that follows from it. An emphasis weights the audio of
 * both, if there is one. Networks that predict x_0 can use the time-frequency loss instead. The engine
 * propagates the gradient from the outputs back to the parameters.
 */
import type { Engine, LossGradients } from '../../engines/engine.js'
import type { ComputeTerms } from '../../engines/loss-kernels.js'
import type { TrainingConfig } from '../config.js'
import { type AudioModel, AudioObjective } from './audio-objective.js'
import type { NoisedBatch } from './noised-batch.js'
import { type ForwardEngine, OwnSteps } from './own-steps.js'
import { SpectralLoss } from './spectral-loss.js'

export class Objective {
  readonly #spectral: SpectralLoss | null
  /** The time-frequency loss and its distance of magnitudes; null if the config has another loss. */
  readonly #timeFrequency: AudioObjective | null
  /** Training on the network's own steps; null if the network is trained on noised recordings. */
  readonly #ownSteps: OwnSteps | null

  readonly #config: ObjectiveConfig

  constructor(config: ObjectiveConfig) {
    const { loss, spectral } = config
    this.#config = config
    this.#spectral = spectral === null || loss === 'time-frequency' ? null : new SpectralLoss(spectral.windows)
    this.#timeFrequency = loss === 'time-frequency' ? new AudioObjective(config.model, spectral) : null
    this.#ownSteps = this.#ownStepsOf(config)
  }

  #ownStepsOf({ noiseLevels, model }: ObjectiveConfig): OwnSteps | null {
    const audio = this.#timeFrequency
    if (noiseLevels?.kind !== 'own' || audio === null || model.diffusion === undefined) return null
    const { diffusion, mel = null } = model
    return new OwnSteps(noiseLevels, { diffusion, mel }, audio)
  }

  /** Computes the loss of each clip, without gradients. */
  async losses(engine: ForwardEngine, batch: NoisedBatch): Promise<Float32Array> {
    if (this.#ownSteps !== null) return this.#ownSteps.losses(engine, batch)
    return (await this.of(batch, await engine.predict(batch), engine.spectralTerms)).clipLosses
  }

  /**
   * Computes the loss of each clip, and the gradient of the mean loss over all samples with respect to each output.
   *
   * @param compute the engine's kernels. Default: the readable version
   */
  async of(
    batch: NoisedBatch,
    outputs: readonly Float32Array[],
    compute?: ComputeTerms,
  ): Promise<{ readonly clipLosses: Float32Array; readonly gradients: readonly Float32Array[] }> {
    const total = samplesIn(outputs)
    const clipLosses = new Float32Array(outputs.length)
    const timeFrequency = this.#timeFrequency
    if (timeFrequency !== null) {
      const clips = outputs.map((made, i) =>
        timeFrequency.noised({ made, clean: batch.clean[i]!, limit: batch.limits[i]! }, batch.levelWeights[i]!),
      )
      const found = await timeFrequency.losses(clips, compute)
      const gradients = found.map(({ loss, gradient }, i) => {
        clipLosses[i] = loss
        const share = outputs[i]!.length / total
        return new Float32Array(gradient().map(g => g * share))
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

  /** Computes the loss of a batch and its gradients with respect to the network's parameters. */
  async differentiate(engine: Engine, batch: NoisedBatch): Promise<LossGradients> {
    if (this.#ownSteps !== null) return this.#ownSteps.differentiate(engine, batch)
    const { levels, clean, emphases, limits, levelWeights, ...request } = batch
    const { loss: kind } = this.#config
    if (kind !== 'time-frequency' && this.#spectral === null && emphases.every(emphasis => emphasis === null)) {
      return engine.lossGradients({ ...request, loss: kind })
    }
    let loss = 0
    let clipLosses: Float32Array = new Float32Array(0)
    const gradients = await engine.backward({
      ...request,
      gradientOf: async (outputs, kernels) => {
        const found = await this.of(batch, outputs, kernels?.terms)
        clipLosses = found.clipLosses
        const total = samplesIn(outputs)
        loss = outputs.reduce((sum, output, i) => sum + (clipLosses[i]! * output.length) / total, 0)
        return found.gradients
      },
    })
    return { loss, clipLosses, gradients }
  }

  /** Computes the mean loss of a clip's error, and its gradient. */
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

  /**
   * Computes the spectral loss of clip i, and adds its gradient with respect to the error e of v to `gradient`. As
   * x_0 = α·x_t − σ·v, an error e of v is an error −σ·e of x̂_0.
   */
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

/** The fields of a training config that determine the objective. */
export interface ObjectiveConfig extends Pick<TrainingConfig, 'loss' | 'spectral'> {
  readonly model: AudioModel & Partial<Pick<TrainingConfig['model'], 'diffusion'>>
  readonly noiseLevels?: TrainingConfig['noiseLevels']
}

function samplesIn(clips: readonly Float32Array[]): number {
  return clips.reduce((sum, clip) => sum + clip.length, 0)
}
