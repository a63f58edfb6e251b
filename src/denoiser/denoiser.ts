/** A loaded model: its config, and its network on an engine. */
import type { Mel } from '../audio/mel/convention.js'
import { DiffWaveError } from '../core/errors.js'
import type { Engine, LossGradients, LossRequest, NoiseRequest } from '../engines/engine.js'
import type { ModelConfig } from '../model/config.js'

/** Whole clips, each of its own length: `audio` noisy samples, one diffusion step a clip, one mel or label a clip. */
export interface ModelNoiseRequest {
  readonly audio: readonly Float32Array[]
  readonly steps: ArrayLike<number>
  readonly mel?: readonly Mel[]
  /** A label's name a clip; null: none. */
  readonly labels?: readonly (string | null)[]
  readonly signal?: AbortSignal
}

export interface ModelLossRequest extends ModelNoiseRequest, Pick<LossRequest, 'target' | 'loss' | 'weight'> {}

/** A denoiser ready to run. */
export class Model {
  constructor(
    readonly config: ModelConfig,
    readonly engine: Engine,
  ) {}

  /**
   * ε_θ of whole clips, as long as their audio.
   *
   * @throws DiffWaveError `BAD_SHAPE`, `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`, `DISPOSED`
   */
  predictNoise(request: ModelNoiseRequest): Promise<Float32Array[]> {
    return this.engine.predictNoise(this.#withIndices(request) satisfies NoiseRequest)
  }

  /** Loss of ε_θ against a target and its gradients, for one batch. @throws as `predictNoise` */
  lossGradients(request: ModelLossRequest): Promise<LossGradients> {
    return this.engine.lossGradients(this.#withIndices(request))
  }

  /**
   * A label's index by its name or another name of it; null stands for “no label”.
   *
   * @throws DiffWaveError `UNKNOWN_LABEL` naming those the model has
   */
  labelIndex(label: string | null): number | null {
    if (label === null) return null
    const { labels } = this.config.network
    const { aliases } = this.config
    const index = labels?.indexOf(Object.hasOwn(aliases, label) ? aliases[label]! : label) ?? -1
    if (index >= 0) return index
    throw new DiffWaveError('UNKNOWN_LABEL', labels === null ? 'this model has no labels' : 'there is no such label', {
      ...(labels === null ? {} : { expected: `one of ${labels.join(', ')}` }),
      got: label,
    })
  }

  /** Frees the engine. */
  async dispose(): Promise<void> {
    await this.engine.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  #withIndices<Request extends ModelNoiseRequest>(request: Request) {
    const { labels, ...rest } = request
    return labels === undefined ? rest : { ...rest, labels: labels.map(label => this.labelIndex(label)) }
  }
}
