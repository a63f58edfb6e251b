/** Runs a service inside another program: the public call. */
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { check } from '../core/options.js'
import { kindOfPath } from '../core/path-kind.js'
import { modelPath, shippedModels } from '../model/shipped-models.js'
import type { ServiceOptions } from './options.js'
import { startService } from './service.js'

/** What to serve, where, and within which limits. */
export interface ServeOptions extends Omit<ServiceOptions, 'models' | 'page'> {
  /**
   * The models, by the name that clients use: names of shipped models, paths or addresses. The first model of each kind
   * is the default. Default: all installed models.
   */
  readonly models?: Readonly<Record<string, string>> | undefined
}

/** A running service. */
export interface Server {
  /** The address that it listens on, such as `http://127.0.0.1:8080`. */
  readonly url: string
  /** Refuses new work, waits up to `drainSeconds` for running work, stops what is left, and frees everything. */
  close(): Promise<void>
}

const modelsSchema = z
  .record(z.string().regex(/^[\w.-]+$/, 'expected letters, digits, dots, hyphens and underscores'), z.string().min(1))
  .optional()

/**
 * Serves models over HTTP, as `diffwave serve` does. Models at addresses are downloaded before it listens.
 *
 * @throws DiffWaveError `BAD_OPTION`, also if it cannot listen at the address; `FILE_NOT_FOUND` for a model that does
 * not exist; `MISSING_PACKAGE`, `REDIS_UNAVAILABLE`, and as a download
 * @example
 * const server = await serve({ models: { speech: 'speech' }, port: 0 })
 * const response = await fetch(`${server.url}/v1/vocode?seed=1`, { method: 'POST', body: await readFile('mel.npy') })
 * await server.close()
 */
export async function serve(options: ServeOptions = {}): Promise<Server> {
  const { models, ...rest } = options
  const named = check(modelsSchema, models, 'serve models')
  const sources = new Map(named === undefined ? shippedModels().map(name => [name, name]) : Object.entries(named))
  for (const [name, source] of sources) {
    const path = await modelPath(source, { signal: rest.signal })
    if ((await kindOfPath(path)) !== 'missing') continue
    throw new DiffWaveError('FILE_NOT_FOUND', `the model ${name} does not exist`, { where: path })
  }
  const service = await startService({ ...rest, models: sources })
  return { url: service.url, close: () => service.stop() }
}
