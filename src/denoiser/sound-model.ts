/** The common base of `Vocoder` and `Generator`: a loaded model that must be disposed of. */
// `preserve` keeps it in the declarations, for pages: without the types of Node.js they may lack `asyncDispose`.
/// <reference lib="esnext.disposable" preserve="true" />
import { DiffWaveError } from '../core/errors.js'
import type { ModelConfig } from '../model/config.js'
import type { ModelInput } from '../model/model-input.js'
import { checkDenoiser, type Denoiser } from './denoiser.js'
import { type LoadModelOptions, loadModel } from './load-model.js'

/** What a model of each kind cannot do, and what it is for, as the hint of an error. */
const uses = {
  vocoder:
    'A vocoder needs a mel. It cannot generate, remove noise or interpolate. ' +
    'Use it with Vocoder (diffwave synthesize).',
  generator: 'A generator takes no mel. Use it with Generator (diffwave generate).',
} as const

export abstract class SoundModel {
  /** The loaded model. */
  readonly model: Denoiser

  /** @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG` if the model is of another kind */
  constructor(model: Denoiser, kind: ModelConfig['kind']) {
    checkDenoiser(model, kind)
    if (model.config.kind !== kind) {
      throw new DiffWaveError('BAD_CONFIG', 'the model is of the wrong kind', {
        expected: `a ${kind}`,
        got: `a ${model.config.kind}`,
        hint: uses[model.config.kind],
      })
    }
    this.model = model
  }

  /** The model's `config.json`, with every default filled in. */
  get config(): ModelConfig {
    return this.model.config
  }

  /** Sample rate of the audio it makes, in Hz. */
  get sampleRate(): number {
    return this.model.config.sampleRate
  }

  /**
   * Frees the engine. Clips and streams that are being made reject with `DISPOSED`, also a stream that waits for its
   * mel. It may be called more than once.
   */
  dispose(): Promise<void> {
    return this.model.dispose()
  }

  /** Frees the engine, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/**
 * Loads a model for one of the classes. A model of another kind is freed again.
 *
 * @throws DiffWaveError as `loadModel`, `BAD_CONFIG`
 */
export async function loadFor<User>(
  create: (model: Denoiser) => User,
  input: ModelInput,
  options: LoadModelOptions,
): Promise<User> {
  const model = await loadModel(input, options)
  try {
    return create(model)
  } catch (error) {
    await model.dispose()
    throw error
  }
}
