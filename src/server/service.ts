/** Starts and stops a service, which is the library behind HTTP. */
import { lookup } from 'node:dns/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { defined } from '../core/defined.js'
import { DiffWaveError } from '../core/errors.js'
import { createApp } from './app.js'
import { DecoderPool } from './decoding/decoder-pool.js'
import { Connections } from './http/connections.js'
import { Uploads } from './http/uploads.js'
import type { Jobs } from './jobs/jobs.js'
import { MemoryJobs } from './jobs/memory-jobs.js'
import { LAST_BYTES_SECONDS } from './limits.js'
import { Metrics } from './metrics.js'
import { ModelCache } from './model-cache.js'
import { type CheckedOptions, checkServiceOptions, type ServiceOptions } from './options.js'
import { WorkQueue } from './queue.js'
import { RedisJobs } from './redis/redis-jobs.js'
import type { ServiceState } from './service-state.js'
import { TrainingRuns } from './training-runs.js'

/** A running service. */
export interface Service {
  /** The address that it listens on, such as `http://127.0.0.1:8080`. */
  readonly url: string
  /** Its HTTP side, for tests that inject requests. @internal */
  readonly app: FastifyInstance
  /** Refuses new work, waits up to `drainSeconds` for running work, stops what is left, and frees everything. */
  stop(): Promise<void>
}

/**
 * Creates the state of a service before it listens.
 *
 * @throws DiffWaveError `BAD_OPTION`, `MISSING_PACKAGE`, `REDIS_UNAVAILABLE`
 */
async function createState(options: CheckedOptions, log: () => FastifyInstance['log']) {
  const { models: sources, limits, engine, threads, instructionSet, precision, latency, redis, signal } = options
  const queue = new WorkQueue(limits, () => performance.now() / 1000)
  const uploads = new Uploads(limits)
  const metrics = new Metrics()
  const models = new ModelCache({
    sources,
    engine: defined({ engine, threads, instructionSet, precision, latency }),
    maxBytes: limits.modelBytes,
    onEvent: (event, model) => {
      log().info({ model }, `model ${event}`)
      metrics.count('diffwave_models_total', 'Models loaded and dropped.', { event })
    },
  })
  const tools = { models, decoders: new DecoderPool({ threads: limits.parallel }), limits }
  const onFault = (error: unknown, job: string) => log().error({ err: error, job }, 'a fault of the service')
  const onError = (error: Error) => log().warn({ err: error }, 'Redis')
  const jobs: Jobs =
    redis === undefined
      ? new MemoryJobs({ queue, tools, clock: Date.now, keepBody: body => uploads.keep(body), onFault })
      : await RedisJobs.open({ url: redis, tools, clock: Date.now, onError, signal })
  return { options, queue, uploads, metrics, tools, jobs, runs: new TrainingRuns(options.runs) }
}

/**
 * Starts a service.
 *
 * @throws DiffWaveError `BAD_OPTION`, also if it cannot listen at the address; `MISSING_PACKAGE`, `REDIS_UNAVAILABLE`
 * @example
 * const service = await startService({ models: new Map([['speech', 'speech']]), port: 0 })
 * await fetch(`${service.url}/v1/models`)
 * await service.stop()
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const checked = checkServiceOptions(options)
  let ready = true
  let app: FastifyInstance
  const made = await createState(checked, () => app.log)
  const state: ServiceState = { ...made, isReady: () => ready }
  app = await createApp(state)
  const connections = new Connections(app.server)
  const { host, port, drainSeconds } = checked
  let url: string
  try {
    url = await app.listen({
      host: await oneAddress(host),
      port,
      listenTextResolver: address => `listening on ${address}`,
    })
  } catch (error) {
    await Promise.all([app.close(), made.jobs.close(AbortSignal.abort()), made.tools.models.close()])
    throw new DiffWaveError('BAD_OPTION', 'the service cannot listen at this address', {
      expected: 'a free port of this machine',
      got: `${host}:${port}`,
      cause: error,
    })
  }
  let stopping: Promise<void> | null = null
  const stop = async () => {
    ready = false
    app.log.info('stopping')
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), drainSeconds * 1000)
    late.signal.addEventListener('abort', () => app.server.closeAllConnections(), { once: true })
    await Promise.all([state.queue.close(), state.jobs.close(late.signal)])
    app.server.closeIdleConnections()
    const closed = app.close()
    void closeOnceSent(app, connections, late.signal)
    await closed
    clearTimeout(timer)
    await Promise.all([made.tools.decoders.close(), made.tools.models.close()])
  }
  return {
    url,
    app,
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}

/**
 * For `localhost`, Fastify would open a second server if it has an IPv4 and an IPv6 address, and bounds and stops would
 * reach only the first one.
 */
async function oneAddress(host: string): Promise<string> {
  return host === 'localhost' ? (await lookup(host)).address : host
}

/** Milliseconds between two checks whether answers are still being sent. */
const LOOK_MILLISECONDS = 50

/** Closes the connections of a stopping service once all answers are sent. Streams of events would never end. */
async function closeOnceSent({ server }: FastifyInstance, connections: Connections, late: AbortSignal): Promise<void> {
  const wait = (milliseconds: number) => delay(milliseconds, undefined, { ref: false })
  await wait(1000 * LAST_BYTES_SECONDS)
  while (connections.areSending && !late.aborted) await wait(LOOK_MILLISECONDS)
  server.closeAllConnections()
}
