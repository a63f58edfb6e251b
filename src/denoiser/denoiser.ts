/** A loaded model: its config, and its network on an engine. */
// `preserve` keeps it in the declarations, for pages: without the types of Node.js they may lack `asyncDispose`.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Mel } from '../audio/mel/convention.js'
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import { isObject } from '../core/is-object.js'
import { oneOf, suggestion } from '../core/suggest.js'
import type { DataDomain } from '../data-domain/data-domain.js'
import { domainOf } from '../data-domain/domain-of.js'
import { predictedNoise } from '../diffusion/prediction.js'
import { alphaBarAt, noiseSchedule } from '../diffusion/schedule.js'
import { checkBatchTypes } from '../engines/check-batch.js'
import type { Engine, LossGradients, LossRequest, PredictRequest } from '../engines/engine.js'
import { snapshot } from '../engines/snapshot.js'
import type { ModelConfig } from '../model/config.js'

/**
 * A batch of whole clips, which may differ in length. Each has noisy audio, a diffusion step, and a mel or a label if
 * the model takes one.
 */
export interface DenoiserRequest {
  /**
   * Noisy audio x_t: one array per clip. Its length is a multiple of the network's `patch`, or of its front end's
   * `stride`, and at most frames × hop with a mel.
   */
  readonly audio: readonly Float32Array[]
  /** One step of the training schedule per clip, from 0, fractional allowed. */
  readonly steps: ArrayLike<number>
  /** One mel per clip, for vocoders, in the model's convention. */
  readonly mel?: readonly Mel[]
  /** One label per clip, for models with labels; null for no label. */
  readonly labels?: readonly (string | null)[]
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
}

/** A batch of clips, and what the network should return for them. */
export interface DenoiserLossRequest extends DenoiserRequest, Pick<LossRequest, 'target' | 'loss' | 'weight'> {}

/** Returns a model's data domain. The package does not export it. Assigned where the private field is in scope. */
export let modelDomain: (model: Denoiser) => DataDomain

/** Returns a signal that fires with `DISPOSED` when a model is disposed of. The package does not export it. */
export let modelLost: (model: Denoiser) => AbortSignal

/**
 * A loaded model: its config, and its network on an engine.
 *
 * @example
 * const denoiser = await loadModel('weights.pt')
 * const [eps] = await denoiser.predictNoise({ audio: [noisy], steps: [12], mel: [mel] })
 */
export class Denoiser {
  readonly #domain: DataDomain
  readonly #lost = new AbortController()

  static {
    modelDomain = model => model.#domain
    modelLost = model => model.#lost.signal
  }

  /** The model's `config.json`, with every default filled in. */
  readonly config: ModelConfig
  /** The engine that runs the network. */
  readonly engine: Engine
  /**
   * Sentences for the user: what was assumed because a checkpoint does not state it, or that the engine is a slow one.
   */
  readonly notes: readonly string[]

  /**
   * @param config of the model
   * @param engine that runs the model's network
   * @param notes sentences for the user
   * @throws DiffWaveError `BAD_CONFIG`, `BAD_OPTION`
   */
  constructor(config: ModelConfig, engine: Engine, notes: readonly string[] = []) {
    if (!isObject(config?.network) || !isObject(config.diffusion)) {
      throw new DiffWaveError('BAD_CONFIG', 'not a model’s config', {
        expected: 'an object with network and diffusion',
        got: describe(config),
        where: 'Denoiser config',
      })
    }
    if (typeof engine?.predict !== 'function') {
      throw new DiffWaveError('BAD_OPTION', 'not an engine', {
        expected: 'an object with the methods of Engine',
        got: describe(engine),
        where: 'Denoiser engine',
      })
    }
    this.config = config
    this.engine = engine
    this.notes = notes
    this.#domain = domainOf(config, engine.frontEnd)
  }

  /**
   * Runs whole clips through the network. The output is what the model predicts (`config.diffusion.prediction`): ε, v
   * or x̂_0.
   *
   * @returns one array per clip, as long as its audio
   * @throws DiffWaveError `BAD_SHAPE`, `BAD_OPTION` (an unknown field), `NOT_FINITE`, `UNKNOWN_LABEL`, `ABORTED`,
   * `DISPOSED`
   */
  async predict(request: DenoiserRequest): Promise<Float32Array[]> {
    return this.engine.predict(this.#withIndices(request, requestFields) satisfies PredictRequest)
  }

  /**
   * Predicts the noise ε of whole clips. If the model predicts v or x̂_0, the output is converted.
   *
   * @returns one array per clip, as long as its audio
   * @throws DiffWaveError as `predict`; `BAD_SCHEDULE` if a step lies outside the training schedule
   */
  async predictNoise(request: DenoiserRequest): Promise<Float32Array[]> {
    const { prediction, training } = this.config.diffusion
    checkRequest(request, requestFields)
    checkBatchTypes({ audio: request.audio, steps: request.steps })
    const schedule = noiseSchedule(training)
    // Before the network runs, because it may take long; and from copies, because the caller may write to its arrays.
    const alphaBars = Array.from(request.steps, step => alphaBarAt(schedule, step))
    if (prediction === 'epsilon') return this.predict(request)
    const audio = request.audio.map(snapshot)
    const outputs = await this.predict({ ...request, audio })
    return outputs.map((output, i) => predictedNoise(prediction, output, audio[i]!, alphaBars[i]!))
  }

  /**
   * Computes the loss of a batch and its gradients. The targets are what the model predicts
   * (`config.diffusion.prediction`).
   *
   * @throws DiffWaveError as `predict`
   */
  async lossGradients(request: DenoiserLossRequest): Promise<LossGradients> {
    return this.engine.lossGradients(this.#withIndices(request, lossFields))
  }

  /**
   * The index of a label, found by its name or an alias; null for null, which means “no label”.
   *
   * @throws DiffWaveError `UNKNOWN_LABEL`, which names the model's labels
   */
  labelIndex(label: string | null): number | null {
    if (label === null) return null
    if (typeof label !== 'string') {
      throw new DiffWaveError('UNKNOWN_LABEL', 'a label is of the wrong type', {
        expected: 'a string or null',
        got: describe(label),
      })
    }
    const { labels } = this.config.network
    const { aliases } = this.config
    const index = labels?.indexOf(Object.hasOwn(aliases, label) ? aliases[label]! : label) ?? -1
    if (index >= 0) return index
    if (labels === null) {
      throw new DiffWaveError('UNKNOWN_LABEL', 'this model has no labels', { got: label })
    }
    throw new DiffWaveError('UNKNOWN_LABEL', 'unknown label', {
      expected: oneOf(labels),
      got: label,
      ...suggestion(label, [...labels, ...Object.keys(aliases)]),
    })
  }

  /**
   * Frees the engine once a call of the network that runs has ended. Clips and streams that are being made reject with
   * `DISPOSED`. It may be called more than once.
   */
  async dispose(): Promise<void> {
    this.#lost.abort(new DiffWaveError('DISPOSED', 'the model was disposed'))
    await this.engine.dispose()
  }

  /** Frees the engine, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  #withIndices<Request extends DenoiserRequest>(request: Request, known: readonly string[]) {
    checkRequest(request, known)
    const { labels, ...rest } = request
    return labels === undefined ? rest : { ...rest, labels: labels.map(label => this.labelIndex(label)) }
  }
}

/**
 * Refuses what is not a model, such as a `Vocoder` where its model should be.
 *
 * @param where names the argument in the error
 * @throws DiffWaveError `BAD_OPTION`
 */
export function checkDenoiser(model: unknown, where: string): asserts model is Denoiser {
  if (model instanceof Denoiser) return
  throw new DiffWaveError('BAD_OPTION', 'not a loaded model', {
    expected: 'the result of loadModel, or `model` of a Vocoder or Generator',
    got: describe(model),
    where,
  })
}

const requestFields = ['audio', 'steps', 'mel', 'labels', 'signal'] satisfies (keyof DenoiserRequest)[]
const lossFields = [...requestFields, 'target', 'loss', 'weight'] satisfies (keyof DenoiserLossRequest)[]

/**
 * @param known names of the allowed fields
 * @throws DiffWaveError `BAD_SHAPE` if it is not a request, or if its labels are not a list; `BAD_OPTION` for an
 * unknown field
 */
function checkRequest(request: unknown, known: readonly string[]): asserts request is DenoiserRequest {
  if (typeof request !== 'object' || request === null) {
    throw new DiffWaveError('BAD_SHAPE', 'not a request', { expected: '{ audio, steps, … }', got: describe(request) })
  }
  const { labels = [] } = request as { readonly labels?: unknown }
  if (!Array.isArray(labels)) {
    throw new DiffWaveError('BAD_SHAPE', 'labels are not a list', {
      expected: 'names and nulls',
      got: describe(labels),
    })
  }
  const unknown = Object.keys(request).find(name => !known.includes(name))
  if (unknown !== undefined) {
    throw new DiffWaveError('BAD_OPTION', 'unknown field of a request', { expected: known.join(', '), got: unknown })
  }
}
