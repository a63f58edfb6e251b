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
    return lossesIn(await this.#compare(batch, await engine.predict(batch), engine.spectralTerms, 0))
  }

  /**
   * Computes the loss of each clip, and the gradient of the mean loss over all samples with respect to each output.
   *
   * @param compute the engine's kernels. Default: the readable version
   */
  async evaluate(
    batch: NoisedBatch,
    outputs: readonly Float32Array[],
    compute?: ComputeTerms,
  ): Promise<{ readonly clipLosses: Float32Array; readonly gradients: readonly Float32Array[] }> {
    const compared = await this.#compare(batch, outputs, compute, 1)
    const total = samplesIn(outputs)
    return {
      clipLosses: lossesIn(compared),
      gradients: compared.map(({ gradient }, i) => gradient(outputs[i]!.length / total)),
    }
  }

  /** Compares each output with its target. @param weight 0 if no gradients will be requested, else 1 */
  async #compare(
    batch: NoisedBatch,
    outputs: readonly Float32Array[],
    compute: ComputeTerms | undefined,
    weight: 0 | 1,
  ): Promise<readonly Compared[]> {
    const audio = this.#timeFrequency
    if (audio === null) return outputs.map((output, i) => this.#compareClip(batch, i, output, weight))
    const clips = outputs.map((made, i) =>
      audio.noised({ made, clean: batch.clean[i]!, limit: batch.limits[i]! }, batch.levelWeights[i]!, weight),
    )
    return (await audio.losses(clips, compute)).map(({ loss, gradient }) => ({
      loss,
      gradient: share => new Float32Array(gradient().map(g => g * share)),
    }))
  }

  /** Compares the output for clip i by its error and, if the config asks for it, by the spectral loss. */
  #compareClip(batch: NoisedBatch, i: number, output: Float32Array, gradientWeight: 0 | 1): Compared {
    const target = batch.target[i]!
    const weight = batch.weight?.[i]
    const emphasise = batch.emphases[i] ?? ((audio: Float32Array) => audio)
    const error = emphasise(output.map((value, n) => value - target[n]!))
    const spectral = this.#spectralOf(batch, i, error, gradientWeight)
    return {
      loss: this.#lossOfError(error, weight) + (spectral?.loss ?? 0),
      gradient: share => {
        const gradient = this.#gradientOfError(error, weight)
        spectral?.addTo(gradient)
        return emphasise(gradient.map(g => g * share))
      },
    }
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
        const found = await this.evaluate(batch, outputs, kernels?.terms)
        clipLosses = found.clipLosses
        const total = samplesIn(outputs)
        loss = outputs.reduce((sum, output, i) => sum + (clipLosses[i]! * output.length) / total, 0)
        return found.gradients
      },
    })
    return { loss, clipLosses, gradients }
  }

  /** Computes the mean loss of a clip's error. */
  #lossOfError(error: Float32Array, weight: Float32Array | undefined): number {
    let loss = 0
    for (let n = 0; n < error.length; n++) {
      const e = error[n]!
      loss += (weight?.[n] ?? 1) * (this.#config.loss === 'l1' ? Math.abs(e) : e * e)
    }
    return loss / error.length
  }

  /** Computes the gradient of `#lossOfError` with respect to the error. */
  #gradientOfError(error: Float32Array, weight: Float32Array | undefined): Float32Array {
    const gradient = new Float32Array(error.length)
    for (let n = 0; n < error.length; n++) {
      const e = error[n]!
      gradient[n] = ((weight?.[n] ?? 1) * (this.#config.loss === 'l1' ? Math.sign(e) : 2 * e)) / error.length
    }
    return gradient
  }

  /**
   * Computes the spectral loss of clip i for an error e of v; null if the config has none. `addTo` adds its gradient
   * with respect to e. As x_0 = α·x_t − σ·v, an error e of v is an error −σ·e of x̂_0.
   */
  #spectralOf(batch: NoisedBatch, i: number, error: Float32Array, gradientWeight: 0 | 1) {
    const { spectral } = this.#config
    if (spectral === null || this.#spectral === null) return null
    const sigma = Math.sqrt(1 - batch.levels[i]!)
    const clean = batch.emphases[i]?.(batch.clean[i]!) ?? batch.clean[i]!
    const estimate = clean.map((x, n) => x - sigma * error[n]!)
    const { loss, gradient: byEstimate } = this.#spectral.compare(estimate, clean, gradientWeight)
    return {
      loss: spectral.weight * loss,
      addTo: (gradient: Float32Array) => {
        for (let n = 0; n < gradient.length; n++) gradient[n]! -= spectral.weight * sigma * byEstimate[n]!
      },
    }
  }
}

/** The loss of a clip. */
interface Compared {
  readonly loss: number
  /** Computes `share` × ∂loss/∂output, `[samples]`. */
  readonly gradient: (share: number) => Float32Array
}

function lossesIn(compared: readonly Compared[]): Float32Array {
  return Float32Array.from(compared, ({ loss }) => loss)
}

/** The fields of a training config that determine the objective. */
export interface ObjectiveConfig extends Pick<TrainingConfig, 'loss' | 'spectral'> {
  readonly model: AudioModel & Partial<Pick<TrainingConfig['model'], 'diffusion'>>
  readonly noiseLevels?: TrainingConfig['noiseLevels']
}

function samplesIn(clips: readonly Float32Array[]): number {
  return clips.reduce((sum, clip) => sum + clip.length, 0)
}
