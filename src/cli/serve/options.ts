/** The options of commands that serve, and what they mean. */
import { basename, resolve } from 'node:path'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { kindOfPath } from '../../core/path-kind.js'
import { engineChoices } from '../choices.js'
import type { Values } from '../command.js'
import type { Context } from '../context.js'
import { environment } from '../environment.js'
import { DEFAULT_GENERATOR, DEFAULT_VOCODER, fetchModel, loadOptions } from '../load.js'
import { choice, flag, integer, number, precision, text, texts, threads } from '../options.js'

const MEGABYTE = 2 ** 20

/** Options of everything that serves. */
export const serveOptions = {
  host: text('--host <address>', 'address to listen on (default: 127.0.0.1, reachable only from this machine)'),
  port: integer('--port <n>', 'port to listen on, 0 for any free one (default: 8080)'),
  token: text('--token <token>', 'bearer token that clients must send (default: $DIFFWAVE_TOKEN or none)'),
  models: texts(
    '-m, --models <models...>',
    'models to offer: names of shipped models, or name=path of others (default: all shipped models)',
  ),
  runs: texts('--runs <folders...>', 'folders of training runs to watch, or folders that contain such folders'),
  engine: choice('--engine <engine>', 'engine that runs the networks', engineChoices),
  threads,
  precision,
  redis: text(
    '--redis <url>',
    'Redis server that shares jobs with `diffwave worker`s (default: $DIFFWAVE_REDIS or none)',
  ),
  cors: texts('--cors <origins...>', 'origins whose pages may use the service, or * for all (default: none)'),
  trustProxy: flag(
    '--trust-proxy',
    'take client addresses from the X-Forwarded-For header of a proxy in front of the service',
  ),
  maxBody: number('--max-body <MB>', 'largest request body in megabytes (default: 32)', { group: 'Limits' }),
  maxSeconds: number('--max-seconds <s>', 'longest audio per request in seconds (default: 600)', { group: 'Limits' }),
  maxWork: number('--max-work <s>', 'longest work per request in seconds (default: 300)', { group: 'Limits' }),
  parallel: integer('--parallel <n>', 'requests that run at the same time (default: 2)', { group: 'Limits' }),
  queue: integer('--queue <n>', 'requests that wait for their turn (default: 64)', { group: 'Limits' }),
  perClient: integer('--per-client <n>', 'requests from one client at a time (default: 32)', { group: 'Limits' }),
  rate: integer('--rate <n>', 'requests from one client per minute, 0 for any number (default: 3000)', {
    group: 'Limits',
  }),
  connections: integer('--connections <n>', 'open connections from one client, 0 for any number (default: 256)', {
    group: 'Limits',
  }),
  modelMemory: number('--model-memory <MB>', 'memory for loaded models in megabytes (default: 1024)', {
    group: 'Limits',
  }),
  resultMemory: number('--result-memory <MB>', 'memory for results of jobs in megabytes (default: 512)', {
    group: 'Limits',
  }),
  keepResults: number('--keep-results <s>', 'seconds to keep results of jobs (default: 900)', {
    group: 'Limits',
  }),
  drain: number('--drain <s>', 'seconds to finish running work when stopped (default: 30)', { group: 'Limits' }),
}

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
  const { modelPath, shippedModels } = await import('../../model/shipped-models.js')
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
  const { isRemote } = await import('../../model/remote/address.js')
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
