/**
 * A worker takes jobs from BullMQ's queue and does one or a few of them at a time.
 *
 * A worker holds a job as long as it renews the job's lock in Redis. If the worker dies, another one finds the job
 * without a lock and starts it again with the same seed. Whatever the first one still writes is refused (claim.ts).
 */
import { randomUUID } from 'node:crypto'
import type { Job, Worker as Queued } from 'bullmq'
import { type Logger, pino } from 'pino'
import { defined } from '../../core/defined.js'
import { throwIfAborted } from '../../core/errors.js'
import { DecoderPool } from '../decoding/decoder-pool.js'
import { IDLE_LAST_WORD_SECONDS, IDLE_POLL_SECONDS, LAST_WORD_SECONDS } from '../limits.js'
import { ModelCache } from '../model-cache.js'
import { type Connection, connect } from './connect.js'
import { doJob, type WorkerTools } from './do-job.js'
import { HandingOn } from './handing-on.js'
import { loadRedisPackages, type RedisPackages } from './packages.js'
import { Presence } from './presence.js'
import { QUEUE_NAME, QUEUE_PREFIX } from './queue-name.js'
import { type CheckedWorkerOptions, checkWorkerOptions, type WorkerOptions } from './worker-options.js'

/** A running worker. */
export interface Worker {
  /** Takes no new jobs, finishes the current ones within `drainSeconds`, and puts the rest back. */
  stop(): Promise<void>
}

/**
 * Starts a worker.
 *
 * @throws DiffWaveError `BAD_OPTION`, `MISSING_PACKAGE`, `REDIS_UNAVAILABLE`, `ABORTED`
 * @example
 * const worker = await startWorker({ redis: 'redis://localhost:6379', models: new Map([['speech', 'speech']]) })
 * await worker.stop()
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const checked = checkWorkerOptions(options)
  const log = pino({ level: checked.log === undefined ? 'silent' : 'info' }, checked.log)
  const onError = (error: Error) => log.warn({ err: error }, 'Redis')
  const packages = await loadRedisPackages()
  const { lockSeconds, parallel, redis, signal } = checked
  // First: without worker threads there is no reason to connect.
  const { models, decoders } = modelTools(checked, log)
  const connection = await connect(packages, redis, { patient: true, onError, signal })
  const [late, stopping] = [new AbortController(), new AbortController()]
  const { client } = connection
  const tools: WorkerTools = {
    client,
    models,
    decoders,
    log,
    inHand: new Set(),
    late: late.signal,
    presence: new Presence(client, { id: randomUUID(), models: models.names, seconds: lockSeconds, onError }),
    handingOn: new HandingOn(lockSeconds, stopping.signal),
    DelayedError: packages.DelayedError,
  }
  await announce(tools, connection, signal)
  const queued = takeJobs(packages, checked, tools, onError)
  log.info({ models: models.names, parallel }, 'waiting for jobs')
  let stopped: Promise<void> | null = null
  return {
    stop: () => {
      stopping.abort()
      stopped ??= stop(queued, checked, { late, connection }, tools)
      return stopped
    },
  }
}

/** The models of a worker, and its decoder threads. */
function modelTools(
  { models, engine, threads, instructionSet, precision, latency, ...rest }: CheckedWorkerOptions,
  log: Logger,
): Pick<WorkerTools, 'models' | 'decoders'> {
  return {
    models: new ModelCache({
      sources: models,
      engine: defined({ engine, threads, instructionSet, precision, latency }),
      maxBytes: rest.modelBytes,
      onEvent: (event, model) => log.info({ model }, `model ${event}`),
    }),
    decoders: new DecoderPool({ threads: rest.parallel }),
  }
}

/** Puts a worker on the list of those that run. If that fails, it ends everything. */
async function announce(
  { presence, models, decoders }: WorkerTools,
  { close }: Connection,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Without Redis it would wait until Redis is back.
  signal?.addEventListener('abort', close, { once: true })
  try {
    await presence.start()
    throwIfAborted(signal)
  } catch (error) {
    close()
    await Promise.all([models.close(), decoders.close()])
    throwIfAborted(signal)
    throw error
  } finally {
    signal?.removeEventListener('abort', close)
  }
}

/** Begins to take jobs from the queue. */
function takeJobs(
  packages: RedisPackages,
  { parallel, lockSeconds }: CheckedWorkerOptions,
  tools: WorkerTools,
  onError: (error: Error) => void,
): Queued {
  const queued = new packages.Worker(QUEUE_NAME, (job: Job, token?: string) => doJob(job, token, tools), {
    connection: tools.client,
    prefix: QUEUE_PREFIX,
    concurrency: parallel,
    lockDuration: 1000 * lockSeconds,
    stalledInterval: (1000 * lockSeconds) / 2,
    // A claim counts its attempts itself, since the job has to end with a problem document.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: 1000,
  })
  // Errors with a code come from the connection, and the client reports them.
  queued.on('error', error => {
    if (!('code' in error)) onError(error)
  })
  queued.on('stalled', job => tools.log.warn({ job }, 'a job lost its worker, and starts again'))
  return queued
}

async function stop(
  queued: Queued,
  { drainSeconds }: CheckedWorkerOptions,
  { late, connection }: { readonly late: AbortController; readonly connection: Connection },
  { models, decoders, inHand, log, presence }: WorkerTools,
): Promise<void> {
  log.info('stopping')
  // It is not awaited, because without Redis it never ends.
  presence.leave().catch(() => {})
  const putBack = setTimeout(() => late.abort(), 1000 * drainSeconds)
  // Without Redis nothing can be put back. The locks expire, and other workers find the jobs.
  const left = new AbortController()
  const leave = setTimeout(() => left.abort(), 1000 * (drainSeconds + LAST_WORD_SECONDS))
  // Without jobs there is nothing to drain, but BullMQ may wait for a connection that broke.
  let idleSeconds = 0
  const watch = setInterval(() => {
    idleSeconds = inHand.size > 0 ? 0 : idleSeconds + IDLE_POLL_SECONDS
    if (idleSeconds >= IDLE_LAST_WORD_SECONDS) left.abort()
  }, 1000 * IDLE_POLL_SECONDS)
  const gone = new Promise<void>(resolve => left.signal.addEventListener('abort', () => resolve(), { once: true }))
  await Promise.race([queued.close(), gone])
  for (const timer of [putBack, leave, watch]) clearTimeout(timer)
  connection.close()
  await Promise.all([models.close(), decoders.close()])
}
