/** The models of the page, by name: loaded when first asked for. Few are kept, as a page has little memory. */
import { selectEngine } from '#platform/engines/select'
import { findModel } from '#platform/model/find-model'
import { DiffWaveError } from '#src/core/errors'
import type { OnProgress } from '#src/core/progress'
import { urlSource } from '#src/core/url-source'
import { Denoiser } from '#src/denoiser/denoiser'
import type { ModelConfig } from '#src/model/config'
import { readModelConfig } from '#src/model/read-folder'
import { withZeroOutput } from '#src/model/zero-output'
import type { OfferedModel } from './protocol.js'

/** Models that stay loaded. One of 30 layers takes some 60 MB with its working memory. */
const MAX_LOADED = 3

/** How a model is loaded. */
export interface LoadWatch {
  readonly signal: AbortSignal
  /** Called as the weights arrive. */
  readonly onProgress?: OnProgress | undefined
}

export class ModelShelf {
  readonly #offered: ReadonlyMap<string, string>
  readonly #configs = new Map<string, Promise<ModelConfig>>()
  /** Least recently used first. */
  readonly #loaded = new Map<string, Denoiser>()

  constructor(models: readonly OfferedModel[]) {
    this.#offered = new Map(models.map(({ name, url }) => [name, url]))
  }

  get names(): readonly string[] {
    return [...this.#offered.keys()]
  }

  /** @throws DiffWaveError `UNKNOWN_MODEL`, and as `readModelConfig` */
  config(name: string): Promise<ModelConfig> {
    let config = this.#configs.get(name)
    if (config === undefined) {
      config = readModelConfig(urlSource(new URL(this.#url(name)), { files: {} }))
      this.#configs.set(name, config)
      config.catch(() => this.#configs.delete(name))
    }
    return config
  }

  /**
   * A model to work with, until the next one is asked for. Work is done one piece after the other, so nobody loses it.
   *
   * @param zeroOutput with its last layer zeroed: what remains of the model without what it learned
   */
  async load(name: string, { signal, onProgress }: LoadWatch, zeroOutput = false): Promise<Denoiser> {
    const key = zeroOutput ? `${name} without its last layer` : name
    const known = this.#loaded.get(key)
    this.#loaded.delete(key)
    const model = known ?? (await load(this.#url(name), { signal, onProgress }, zeroOutput))
    this.#loaded.set(key, model)
    for (const [other, old] of this.#loaded) {
      if (this.#loaded.size <= MAX_LOADED) break
      this.#loaded.delete(other)
      await old.dispose()
    }
    return model
  }

  #url(name: string): string {
    const url = this.#offered.get(name)
    if (url !== undefined) return url
    throw new DiffWaveError('UNKNOWN_MODEL', 'unknown model', {
      expected: `one of ${this.names.join(', ')}`,
      got: name,
    })
  }
}

async function load(url: string, { signal, onProgress }: LoadWatch, zeroOutput: boolean): Promise<Denoiser> {
  const { config, parameters, notes } = await findModel(url, {}, { signal, onProgress })
  const weights = zeroOutput ? withZeroOutput(parameters) : parameters
  const { engine, notes: more } = await selectEngine({
    network: config.network,
    parameters: weights,
    convention: config.mel,
  })
  return new Denoiser(config, engine, [...notes, ...more])
}
