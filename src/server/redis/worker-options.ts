/** Options of a worker. */
import { z } from 'zod'
import { isObject } from '../../core/is-object.js'
import { abortSignal, check, type FieldsOf } from '../../core/options.js'
import { type EngineOptions, engineFields } from '../../engines/select.js'
import { DRAIN_SECONDS, defaultLimits, WORKER_LOCK_SECONDS } from '../limits.js'
import type { LogStream } from '../options.js'

export interface WorkerOptions extends EngineOptions {
  /** Address of the Redis server, such as `redis://host:6379`. */
  readonly redis: string
  /** Names or paths of models, by the name that clients use. */
  readonly models: ReadonlyMap<string, string>
  /** Max number of concurrent jobs. Default: 1. */
  readonly parallel?: number | undefined
  /** Max bytes of loaded models that are kept. Default: 1 GiB. */
  readonly modelBytes?: number | undefined
  /** Seconds for which a stopping worker continues its jobs before it puts them back. Default: 30. */
  readonly drainSeconds?: number | undefined
  /** Seconds without renewal of a lock after which another worker takes the job. Default: 10. */
  readonly lockSeconds?: number | undefined
  /** Receives the log as lines of JSON. Default: no log. */
  readonly log?: LogStream | undefined
  /** Stops the start while it waits for Redis. A worker that runs is stopped by `stop`. */
  readonly signal?: AbortSignal | undefined
}

/** Max number of jobs of one worker. Each needs memory for its body, its mel and its audio. */
const MAX_PARALLEL = 64

/** With a shorter time a busy worker would lose jobs that it is doing. */
const MIN_LOCK_SECONDS = 1

const schema = z.strictObject({
  ...engineFields,
  redis: z.string(),
  models: z.custom<ReadonlyMap<string, string>>(
    value => value instanceof Map && value.size > 0,
    'expected models by name',
  ),
  parallel: z.number().int().min(1).max(MAX_PARALLEL).default(1),
  modelBytes: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).default(defaultLimits.modelBytes),
  drainSeconds: z.number().min(0).max(3600).default(DRAIN_SECONDS),
  lockSeconds: z.number().min(MIN_LOCK_SECONDS).max(3600).default(WORKER_LOCK_SECONDS),
  log: z.custom<LogStream>(isObject, 'expected a stream').optional(),
  signal: abortSignal.optional(),
} satisfies FieldsOf<WorkerOptions>)

export type CheckedWorkerOptions = z.output<typeof schema>

/** Checks the options and fills in the defaults. @throws DiffWaveError `BAD_OPTION` */
export function checkWorkerOptions(options: WorkerOptions): CheckedWorkerOptions {
  return check(schema, options, 'worker options')
}
