/** What the options of commands that serve mean. */
import { basename, resolve } from 'node:path'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { kindOfPath } from '../../core/path-kind.js'
import { isRemote } from '../../model/remote/address.js'
import { modelPath, shippedModels } from '../../model/shipped-models.js'
import type { Context } from '../context.js'
import { environment } from '../environment.js'
import { fetchModel, loadOptions } from '../load.js'
import type { Values } from '../option-spec.js'
import { DEFAULT_GENERATOR, DEFAULT_VOCODER } from '../options.js'
import type { serveOptions } from './options.js'

const MEGABYTE = 2 ** 20

/**
 * The models that `--models` names: `speech`, `voice=runs/voice/model`, or a path or an address, whose last part is the
 * name.
 *
 * @param fetched whether models at addresses are downloaded now
 */
export async function modelSources(
  context: Context,
  words: readonly string[] | undefined,
  fetched: (address: string) => boolean = () => true,
): Promise<ReadonlyMap<string, string>> {
  const shipped = shippedModels()
  if (words === undefined) {
    // The defaults of the command line come first, so that they are the service's, too.
    const names = [DEFAULT_VOCODER, DEFAULT_GENERATOR].filter(name => shipped.includes(name))
    return new Map([...new Set([...names, ...shipped])].map(name => [name, name]))
  }
  const sources = new Map<string, string>()
  for (const word of words) {
    const [, name, path] = /^([\w.-]+)=(.+)$/.exec(word) ?? []
    const own = name ?? (shipped.includes(word) ? word : basename(resolve(word)))
    if (sources.has(own)) {
      throw new DiffWaveError('BAD_OPTION', 'two models have the same name', {
        expected: 'name=path with different names',
        got: own,
        where: '--models',
      })
    }
    sources.set(own, path ?? word)
  }
  // A model that does not exist is refused now, and one at an address downloaded, not at the first request.
  for (const source of sources.values()) {
    if (isRemote(source) && !fetched(source)) continue
    const path = await modelPath(await fetchModel(context, source))
    if ((await kindOfPath(path)) === 'missing') {
      throw new DiffWaveError('FILE_NOT_FOUND', 'the model does not exist', { where: path })
    }
  }
  return sources
}

/** A number of megabytes as bytes. */
export function megabytes(count: number | undefined): number | undefined {
  return count === undefined ? undefined : Math.round(count * MEGABYTE)
}

/** The options of `startService`. */
export async function serviceOptions(context: Context, options: Values<typeof serveOptions>) {
  const { host, port, cors, runs, trustProxy } = options
  const redis = options.redis ?? environment('REDIS')
  const token = options.token ?? environment('TOKEN')
  return {
    models: await modelSources(context, options.models),
    ...loadOptions(options),
    ...defined({ host, port, token, redis, cors, runs, trustProxy, drainSeconds: options.drain }),
    limits: defined({
      bodyBytes: megabytes(options.maxBody),
      seconds: options.maxSeconds,
      workSeconds: options.maxWork,
      parallel: options.parallel,
      queue: options.queue,
      perClient: options.perClient,
      requestsPerMinute: options.rate,
      connectionsPerClient: options.connections,
      modelBytes: megabytes(options.modelMemory),
      resultBytes: megabytes(options.resultMemory),
      resultSeconds: options.keepResults,
    }),
  }
}
