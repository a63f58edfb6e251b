/**
 * The models that a service offers, by name. They are loaded when they are first used, and kept while they fit into a
 * memory limit; the least recently used ones are dropped first. Clients name models, never paths.
 */
import { defined } from '../core/defined.js'
import { DiffWaveError } from '../core/errors.js'
import { folderSource } from '../core/folder-source.js'
import { kindOfPath } from '../core/path-kind.js'
import { oneOf, suggestion } from '../core/suggest.js'
import { Denoiser } from '../denoiser/denoiser.js'
import { type EngineOptions, selectEngine } from '../engines/select.js'
import type { ModelConfig } from '../model/config.js'
import { parameterCount } from '../model/parameters.js'
import { readModelConfig } from '../model/read-folder.js'
import { readModel } from '../model/read-model.js'
import { modelPath } from '../model/shipped-models.js'
import { withZeroOutput } from '../model/zero-output.js'
import { Refusal } from './refusal.js'

/** A model that is in use. It is not dropped before it is released. */
export interface Lease {
  readonly model: Denoiser
  release(): void
}

export interface ModelCacheOptions {
  /** Paths of model folders or checkpoints, or names of shipped models, by the name that clients use. */
  readonly sources: ReadonlyMap<string, string>
  readonly engine: EngineOptions
  /** Max bytes of the models to keep. A model in use is never dropped. */
  readonly maxBytes: number
  /** Called when a model is loaded or dropped, for a log. */
  readonly onEvent?: (event: 'loaded' | 'dropped', name: string) => void
}

interface Entry {
  readonly name: string
  readonly loading: Promise<Denoiser>
  bytes: number
  users: number
  /** Number of the latest use. Uses are counted. */
  lastUse: number
}

/** Estimated bytes per parameter: the weights, the engine's copy, and its packed weights. */
const BYTES_PER_PARAMETER = 16
/** Working memory of an engine: 30 layers of 64 channels with 8 passes in flight (docs/streaming-and-latency.md). */
const ENGINE_BYTES = 32 * 2 ** 20

const LISTED = 'GET /v1/models lists the models.'

export class ModelCache {
  readonly #options: ModelCacheOptions
  readonly #entries = new Map<string, Entry>()
  readonly #configs = new Map<string, Promise<ModelConfig>>()
  #uses = 0

  constructor(options: ModelCacheOptions) {
    this.#options = options
  }

  /** Names of the models, in the order they were given. */
  get names(): readonly string[] {
    return [...this.#options.sources.keys()]
  }

  /** Bytes of the models that are loaded, estimated from their parameters. */
  get bytes(): number {
    let sum = 0
    for (const { bytes } of this.#entries.values()) sum += bytes
    return sum
  }

  /** Whether a model is loaded, or being loaded. */
  isLoaded(name: string): boolean {
    return this.#entries.has(name)
  }

  /** A model's config, without loading it onto an engine. @throws DiffWaveError `UNKNOWN_MODEL`; Refusal */
  async config(name: string): Promise<ModelConfig> {
    const source = this.#source(name)
    let config = this.#configs.get(name)
    if (config === undefined) {
      config = modelPath(source)
        .then(configAt)
        .catch(error => {
          this.#configs.delete(name)
          throw unavailable(name, error)
        })
      this.#configs.set(name, config)
    }
    return config
  }

  /**
   * The first model of a kind, without those whose config cannot be read.
   *
   * @throws DiffWaveError `UNKNOWN_MODEL` if there is none; Refusal `MODEL_UNAVAILABLE` if one of the others may be
   */
  async firstOf(kind: ModelConfig['kind']): Promise<string> {
    let unreadable: unknown = null
    for (const name of this.names) {
      try {
        if ((await this.config(name)).kind === kind) return name
      } catch (error) {
        unreadable ??= error
      }
    }
    if (unreadable !== null) throw unreadable
    throw new DiffWaveError('UNKNOWN_MODEL', `the service has no ${kind}`, { hint: LISTED })
  }

  /**
   * Loads a model, or takes a loaded one, for use.
   *
   * @param zeroOutput whether to zero the last layer, to hear what the model does without its network
   * @throws DiffWaveError `UNKNOWN_MODEL`; Refusal `MODEL_UNAVAILABLE`
   */
  async lease(name: string, { zeroOutput = false } = {}): Promise<Lease> {
    const source = this.#source(name)
    const key = zeroOutput ? `${name} without its last layer` : name
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { name: key, loading: this.#load(source, zeroOutput), bytes: 0, users: 0, lastUse: 0 }
      this.#entries.set(key, entry)
    }
    const held = entry
    held.users++
    held.lastUse = ++this.#uses
    let model: Denoiser
    try {
      model = await held.loading
    } catch (error) {
      if (this.#entries.get(key) === held) this.#entries.delete(key)
      throw unavailable(name, error)
    }
    if (held.bytes === 0) {
      held.bytes = ENGINE_BYTES + BYTES_PER_PARAMETER * parameterCount(model.config.network)
      this.#options.onEvent?.('loaded', key)
    }
    this.#drop()
    let released = false
    return {
      model,
      release: () => {
        if (released) return
        released = true
        held.users--
        this.#drop()
      },
    }
  }

  /** Frees all models. */
  async close(): Promise<void> {
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    await Promise.allSettled(entries.map(async ({ loading }) => (await loading).dispose()))
  }

  #source(name: string): string {
    const source = this.#options.sources.get(name)
    if (source !== undefined) return source
    throw new DiffWaveError('UNKNOWN_MODEL', 'unknown model', {
      expected: oneOf(this.names),
      got: name,
      hint: LISTED,
      ...suggestion(name, this.names),
    })
  }

  async #load(source: string, zeroOutput: boolean): Promise<Denoiser> {
    const { config, parameters, notes } = await readModel(await modelPath(source))
    const weights = zeroOutput ? withZeroOutput(parameters) : parameters
    const { engine, notes: more } = await selectEngine(
      { network: config.network, parameters: weights, convention: config.mel },
      this.#options.engine,
    )
    return new Denoiser(config, engine, [...notes, ...more])
  }

  /** Drops models that are not in use, the least recently used first, until the rest fits. */
  #drop(): void {
    while (this.bytes > this.#options.maxBytes) {
      const idle = [...this.#entries.values()].filter(entry => entry.users === 0 && entry.bytes > 0)
      const oldest = idle.reduce<Entry | null>(
        (least, entry) => (least === null || entry.lastUse < least.lastUse ? entry : least),
        null,
      )
      if (oldest === null) return
      this.#entries.delete(oldest.name)
      this.#options.onEvent?.('dropped', oldest.name)
      void oldest.loading.then(model => model.dispose()).catch(() => {})
    }
  }
}

/** Reads a model's config. For a model folder the weights, which are large, are not read. */
async function configAt(path: string): Promise<ModelConfig> {
  if ((await kindOfPath(path)) === 'directory') return readModelConfig(folderSource(path))
  return (await readModel(path)).config
}

/**
 * A model that cannot be loaded. Its reason may hold paths, so that the whole of it goes to the log alone: clients get
 * what is wrong with the config, or the error's code.
 */
function unavailable(name: string, cause: unknown): Error {
  const error = cause instanceof DiffWaveError ? cause : null
  const shown = error?.code === 'BAD_CONFIG' ? error : null
  const reason = shown?.problem ?? error?.code
  const problem = `the model ${name} cannot be loaded`
  return new Refusal(503, 'MODEL_UNAVAILABLE', reason === undefined ? problem : `${problem}: ${reason}`, {
    ...defined({ expected: shown?.expected, got: shown?.got }),
    hint: 'The log of the service says why.',
    cause,
  })
}
