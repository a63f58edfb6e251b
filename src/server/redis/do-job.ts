/**
 * What a worker does with one job: it takes the job over, does it, hands it on to a worker that can do it, or puts it
 * back.
 */
import type { Job } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { oneOf } from '../../core/suggest.js'
import type { DecoderPool } from '../decoding/decoder-pool.js'
import { defaultLimits, HELD_POLL_SECONDS, MAX_ATTEMPTS, MAX_REFUSALS } from '../limits.js'
import type { ModelCache } from '../model-cache.js'
import { runOperation } from '../operations/run-operation.js'
import { isFault, problemOf } from '../problem.js'
import { Refusal } from '../refusal.js'
import { Claim, ClaimLost } from './claim.js'
import type { HandingOn } from './handing-on.js'
import { readOrder, type StoredOrder } from './order.js'
import type { RedisPackages } from './packages.js'
import type { Presence } from './presence.js'
import { RemoteOutput } from './remote-output.js'

/** What a worker has for all of its jobs. */
export interface WorkerTools {
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
 * Does one job, as BullMQ hands it over.
 *
 * @param token names BullMQ's lock on the job
 * @throws DelayedError if BullMQ has to keep the job
 */
export async function doJob(job: Job, token: string | undefined, tools: WorkerTools): Promise<void> {
  tools.inHand.add(job)
  try {
    await attemptOnce(job, token, tools)
  } finally {
    tools.inHand.delete(job)
  }
}

async function attemptOnce(job: Job, token: string | undefined, tools: WorkerTools): Promise<void> {
  const { client, log, handingOn } = tools
  const claim = await Claim.take(client, job.id!, Date.now)
  // The job was cancelled, removed, or ended by a worker that died before it could report the end.
  if (claim === null) return
  const start = performance.now()
  const end = await attempt(claim, tools)
  log.info({ job: claim.id, kind: job.name, end, seconds: (performance.now() - start) / 1000 }, `job ${end}`)
  if (end !== 'put back' && end !== 'handed on') return
  const seconds = end === 'handed on' ? handingOn.seconds(claim.passes) : 0
  await job.moveToDelayed(Date.now() + 1000 * seconds, token)
  if (end === 'handed on') await handingOn.sitOut(claim.id, claim.passes)
  throw new tools.DelayedError()
}

type End = 'done' | 'failed' | 'lost' | 'put back' | 'handed on'

/** Makes one attempt at a job. @returns how it ended */
async function attempt(claim: Claim, tools: WorkerTools): Promise<End> {
  const { models, log } = tools
  const order = readOrder(claim.order)
  try {
    const unsuited = unsuitedFor(order, models.names)
    if (order === null || unsuited !== null) return await refused(claim, order, unsuited, tools)
    if (claim.attempts > MAX_ATTEMPTS) return await failed(claim, order, workerLost())
    return await work(claim, order, tools)
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
  { presence }: WorkerTools,
): Promise<End> {
  const model = order?.options['model']
  // Another worker may be busy for any length of time.
  const isElsewhere = typeof model === 'string' && (await presence.isElsewhere(model))
  if (!isElsewhere && claim.refusals >= MAX_REFUSALS) return await failed(claim, order, reason)
  await claim.handOn(isElsewhere ? 0 : claim.refusals + 1)
  return 'handed on'
}

/** Does the work of a job. @throws ClaimLost */
async function work(claim: Claim, order: StoredOrder, tools: WorkerTools): Promise<End> {
  const { models, decoders, log, late } = tools
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
    await output.cutOff()
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
  if (order === null) {
    const hint = 'Update the workers to the version of the service.'
    return new Refusal(503, 'NO_WORKER', 'the job comes from another version of the service', { hint })
  }
  const model = order.options['model']
  if (model === undefined || names.includes(model as string)) return null
  return new Refusal(503, 'NO_WORKER', 'no worker has the model of this job', {
    expected: oneOf(names),
    got: String(model),
    hint: 'Start the workers with the models of the service.',
  })
}

/** The refusal of a job whose workers died. */
function workerLost(): Refusal {
  return new Refusal(503, 'WORKER_LOST', `${MAX_ATTEMPTS} workers died while doing the job`, {
    hint: 'They may lack memory. Request shorter audio.',
  })
}
