/**
 * A worker takes jobs from BullMQ's queue and does one or a few of them at a time.
 *
 * A worker holds a job as long as it renews the job's lock in Redis. If the worker dies, another one finds the job
 * without a lock and starts it again with the same seed. Whatever the first one still writes is refused (claim.ts).
 */
import { randomUUID } from 'node:crypto'
import type { Job, Worker as Queued } from 'bullmq'
import type { Redis } from 'ioredis'
import { type Logger, pino } from 'pino'
import { defined } from '../../core/defined.js'
import { throwIfAborted } from '../../core/errors.js'
import { DecoderPool } from '../decoding/decoder-pool.js'
import {
  defaultLimits,
  HELD_POLL_SECONDS,
  IDLE_LAST_WORD_SECONDS,
  IDLE_POLL_SECONDS,
  LAST_WORD_SECONDS,
  MAX_ATTEMPTS,
  MAX_REFUSALS,
} from '../limits.js'
import { ModelCache } from '../model-cache.js'
import { runOperation } from '../operations/run-operation.js'
import { isFault, problemOf } from '../problem.js'
import { Refusal } from '../refusal.js'
import { Claim, ClaimLost } from './claim.js'
import { connect } from './connect.js'
import { HandingOn } from './handing-on.js'
import { readOrder, type StoredOrder } from './order.js'
import { loadRedisPackages, type RedisPackages } from './packages.js'
import { Presence } from './presence.js'
import { QUEUE_NAME, QUEUE_PREFIX } from './queue-name.js'
import { RemoteOutput } from './remote-output.js'
import { type CheckedWorkerOptions, checkWorkerOptions, type WorkerOptions } from './worker-options.js'

/** A running worker. */
export interface Worker {
  /** Takes no new jobs, finishes the current ones within `drainSeconds`, and puts the rest back. */
  stop(): Promise<void>
}

/** The resources that a worker uses for its jobs. */
interface Surroundings {
  readonly client: Redis
  readonly models: ModelCache
  readonly decoders: DecoderPool
  readonly log: Logger
  /** The jobs in progress. */
  readonly inHand: Set<Job>
  /** Fires when a stopping worker puts its jobs back. */
  readonly late: AbortSignal
  readonly presence: Presence
  readonly handingOn: HandingOn
  readonly DelayedError: RedisPackages['DelayedError']
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
  const packages = await loadRedisPackages()
  const onError = (error: Error) => log.warn({ err: error }, 'Redis')
  const { signal } = checked
  const { client, close } = await connect(packages, checked.redis, { patient: true, onError, signal })
  const [late, stopping] = [new AbortController(), new AbortController()]
  const tools = createTools(checked, log)
  const { lockSeconds } = checked
  const presence = new Presence(client, { id: randomUUID(), models: tools.models.names, seconds: lockSeconds, onError })
  const around: Surroundings = {
    ...tools,
    client,
    log,
    inHand: new Set(),
    late: late.signal,
    presence,
    handingOn: new HandingOn(lockSeconds, stopping.signal),
    DelayedError: packages.DelayedError,
  }
  // Without Redis it would wait until Redis is back.
  signal?.addEventListener('abort', close, { once: true })
  try {
    await presence.start()
    throwIfAborted(signal)
  } catch (error) {
    close()
    await Promise.all([tools.models.close(), tools.decoders.close()])
    throwIfAborted(signal)
    throw error
  } finally {
    signal?.removeEventListener('abort', close)
  }
  const worker = new packages.Worker(QUEUE_NAME, (job: Job, token?: string) => processInHand(job, token, around), {
    connection: client,
    prefix: QUEUE_PREFIX,
    concurrency: checked.parallel,
    lockDuration: 1000 * lockSeconds,
    stalledInterval: (1000 * lockSeconds) / 2,
    // A claim counts its attempts itself, since the job has to end with a problem document.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: 1000,
  })
  // Errors with a code come from the connection, and the client reports them.
  worker.on('error', error => {
    if (!('code' in error)) onError(error)
  })
  worker.on('stalled', job => log.warn({ job }, 'a job lost its worker and starts again'))
  log.info({ models: tools.models.names, parallel: checked.parallel }, 'waiting for jobs')
  let stopped: Promise<void> | null = null
  return {
    stop: () => {
      stopping.abort()
      stopped ??= stop(worker, checked, { late, close }, around)
      return stopped
    },
  }
}

function createTools(
  { models, engine, threads, instructionSet, precision, latency, ...rest }: CheckedWorkerOptions,
  log: Logger,
) {
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

async function stop(
  worker: Queued,
  { drainSeconds }: CheckedWorkerOptions,
  { late, close }: { readonly late: AbortController; readonly close: () => void },
  { models, decoders, inHand, log, presence }: Surroundings,
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
  await Promise.race([worker.close(), gone])
  for (const timer of [putBack, leave, watch]) clearTimeout(timer)
  close()
  await Promise.all([models.close(), decoders.close()])
}

async function processInHand(job: Job, token: string | undefined, around: Surroundings): Promise<void> {
  around.inHand.add(job)
  try {
    await process(job, token, around)
  } finally {
    around.inHand.delete(job)
  }
}

/** Does one job. Throws only if BullMQ has to keep the job. */
async function process(job: Job, token: string | undefined, around: Surroundings): Promise<void> {
  const { client, log, handingOn } = around
  const claim = await Claim.take(client, job.id!, Date.now)
  // The job was cancelled, removed, or ended by a worker that died before it could report the end.
  if (claim === null) return
  const start = performance.now()
  const end = await attempt(claim, around)
  log.info({ job: claim.id, kind: job.name, end, seconds: (performance.now() - start) / 1000 }, `job ${end}`)
  if (end !== 'put back' && end !== 'handed on') return
  const seconds = end === 'handed on' ? handingOn.seconds(claim.passes) : 0
  await job.moveToDelayed(Date.now() + 1000 * seconds, token)
  if (end === 'handed on') await handingOn.sitOut(claim.id, claim.passes)
  throw new around.DelayedError()
}

type End = 'done' | 'failed' | 'lost' | 'put back' | 'handed on'

/** Makes one attempt at a job. @returns how it ended */
async function attempt(claim: Claim, around: Surroundings): Promise<End> {
  const { models, log } = around
  const order = readOrder(claim.order)
  try {
    const unsuited = unsuitedFor(order, models.names)
    if (order === null || unsuited !== null) return await refused(claim, order, unsuited, around)
    if (claim.attempts > MAX_ATTEMPTS) return await failed(claim, order, workerLost())
    return await work(claim, order, around)
  } catch (error) {
    if (!(error instanceof ClaimLost)) log.error({ err: error, job: claim.id }, 'a job could not be ended')
    return 'lost'
  }
}

/** Limits for the results of jobs whose order no current worker understands. */
const { resultBytes, resultSeconds } = defaultLimits

async function failed(claim: Claim, order: StoredOrder | null, error: unknown): Promise<End> {
  await claim.finish('failed', order?.limits ?? { resultBytes, resultSeconds }, problemOf(error))
  return 'failed'
}

/** Hands on a job that this worker cannot do. A job that no worker can do fails. @throws ClaimLost */
async function refused(
  claim: Claim,
  order: StoredOrder | null,
  reason: Refusal | null,
  { presence }: Surroundings,
): Promise<End> {
  const model = order?.options['model']
  // Another worker may be busy for any length of time.
  const isElsewhere = typeof model === 'string' && (await presence.isElsewhere(model))
  if (!isElsewhere && claim.refusals >= MAX_REFUSALS) return await failed(claim, order, reason)
  await claim.handOn(isElsewhere ? 0 : claim.refusals + 1)
  return 'handed on'
}

/** Does the work of a job. @throws ClaimLost */
async function work(claim: Claim, order: StoredOrder, around: Surroundings): Promise<End> {
  const { models, decoders, log, late } = around
  const stop = new AbortController()
  const lose = (error: unknown) => stop.abort(error)
  const putBack = () => stop.abort(new Error('the worker is stopping'))
  late.addEventListener('abort', putBack, { once: true })
  if (late.aborted) putBack()
  const watch = setInterval(() => void claim.check().catch(lose), 1000 * HELD_POLL_SECONDS)
  const output = new RemoteOutput(claim, order.limits, lose)
  try {
    await claim.begin()
    await runOperation(
      { ...order, body: await claim.body() },
      { models, decoders, limits: { ...defaultLimits, ...order.limits } },
      {
        signal: stop.signal,
        output,
        onProgress: ({ done, total }) => output.setProgress(total === null ? 0 : done / total),
      },
    )
    await output.finished()
    await claim.finish('done', order.limits)
    return 'done'
  } catch (error) {
    if (error instanceof ClaimLost || stop.signal.reason instanceof ClaimLost) return 'lost'
    await output.finished().catch(() => {})
    if (late.aborted) {
      await claim.putBack()
      return 'put back'
    }
    const reason = stop.signal.aborted ? stop.signal.reason : error
    if (isFault(reason)) log.error({ err: reason, job: claim.id }, 'a fault of the worker')
    return await failed(claim, order, reason)
  } finally {
    clearInterval(watch)
    late.removeEventListener('abort', putBack)
  }
}

/** Why this worker cannot do a job that another one may do; null if it can. */
function unsuitedFor(order: StoredOrder | null, names: readonly string[]): Refusal | null {
  const noWorker = (expected: string, got: string, hint: string) =>
    new Refusal(503, 'NO_WORKER', 'no worker can do this job', { expected, got, hint })
  if (order === null) {
    const hint = 'Update the workers to the version of the service.'
    return noWorker('a job that the workers know', 'one of another version', hint)
  }
  const model = order.options['model']
  if (model === undefined || names.includes(model as string)) return null
  return noWorker(`one of ${names.join(', ')}`, String(model), 'Start the workers with the models of the service.')
}

/** The refusal of a job whose workers died. */
function workerLost(): Refusal {
  return new Refusal(503, 'WORKER_LOST', `${MAX_ATTEMPTS} workers died while doing the job`, {
    expected: 'a job that a worker can finish',
    got: 'workers that ended without an error message, perhaps for lack of memory',
    hint: 'Request shorter audio.',
  })
}
