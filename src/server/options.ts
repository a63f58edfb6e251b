/** Options of a service. */
import { z } from 'zod'
import { isObject } from '../core/is-object.js'
import { abortSignal, check, type FieldsOf, readonlyList } from '../core/options.js'
import { type EngineOptions, engineFields } from '../engines/select.js'
import { DRAIN_SECONDS, defaultLimits, type ServiceLimits } from './limits.js'
import type { Page } from './page.js'

/** A stream of text for the log. */
export interface LogStream {
  /** Writes one line, which ends with a line break. */
  write(line: string): void
}

export interface ServiceOptions extends EngineOptions {
  /** Address to listen on. Default: 127.0.0.1, which other machines cannot reach. */
  readonly host?: string | undefined
  /** Port to listen on; 0: any free one. Default: 8080. */
  readonly port?: number | undefined
  /** The token that clients must send as `Authorization: Bearer`. Default: none. */
  readonly token?: string | undefined
  /** Names or paths of models, by the name that clients use. The first model of each kind is the default. */
  readonly models: ReadonlyMap<string, string>
  /** Folders of training runs, or folders that contain such folders. */
  readonly runs?: readonly string[] | undefined
  /** Origins whose pages may use the service, or `*` for all. Default: only its own origin. */
  readonly cors?: readonly string[] | undefined
  /** Whether to take the client's address from the header of a proxy in front of the service. Default: false. */
  readonly trustProxy?: boolean | undefined
  /** Seconds that a stopping service waits for work in hand. Default: 30. */
  readonly drainSeconds?: number | undefined
  /** Limits that differ from `defaultLimits`. */
  readonly limits?: { readonly [Name in keyof ServiceLimits]?: number | undefined } | undefined
  /**
   * Address of a Redis server, such as `redis://host:6379`. Jobs are then done by workers that share it. Default: none.
   */
  readonly redis?: string | undefined
  /** A page to serve at `/`. */
  readonly page?: Page | undefined
  /** Stream for the log, which gets one line of JSON per event. Default: no log. */
  readonly log?: LogStream | undefined
  /** Stops the start while it waits for Redis. A service that runs is stopped by `stop`. */
  readonly signal?: AbortSignal | undefined
}

/** Largest value of any limit. */
const MAX_BOUND = 2 ** 40
const positive = z.number().positive().max(MAX_BOUND)
const whole = z.number().int().min(1).max(MAX_BOUND)

const limitsSchema = z.strictObject({
  bodyBytes: whole,
  uploadBytes: whole,
  seconds: positive,
  workSeconds: positive,
  parallel: whole,
  queue: z.number().int().min(0).max(MAX_BOUND),
  perClient: whole,
  requestsPerMinute: z.number().int().min(0).max(MAX_BOUND),
  connectionsPerClient: z.number().int().min(0).max(MAX_BOUND),
  modelBytes: whole,
  resultBytes: whole,
  resultSeconds: positive,
} satisfies FieldsOf<ServiceLimits>)

/** A token that can be guessed protects nothing. */
const MIN_TOKEN = 8

const ORIGIN = 'expected an origin as browsers send it, such as https://example.com, or * for all'

/** Whether it is compared as written: a slash at the end would never be found. */
function isOrigin(text: string): boolean {
  if (text === '*') return true
  if (!URL.canParse(text)) return false
  const { origin, protocol, host } = new URL(text)
  // Those of apps and extensions have schemes of their own.
  return text === (origin === 'null' ? `${protocol}//${host}` : origin)
}

const schema = z.strictObject({
  ...engineFields,
  host: z.string().min(1).default('127.0.0.1'),
  port: z.number().int().min(0).max(65_535).default(8080),
  token: z
    .string()
    .min(MIN_TOKEN, `expected at least ${MIN_TOKEN} characters`)
    .regex(/^[\x21-\x7e]+$/, 'expected printable ASCII characters without spaces')
    .optional(),
  models: z.custom<ReadonlyMap<string, string>>(
    value => value instanceof Map && value.size > 0,
    'expected models by name',
  ),
  runs: readonlyList(z.string(), 0).default([]),
  cors: readonlyList(z.string().refine(isOrigin, ORIGIN), 0).default([]),
  trustProxy: z.boolean().default(false),
  drainSeconds: z.number().min(0).max(3600).default(DRAIN_SECONDS),
  limits: limitsSchema.partial().optional(),
  redis: z.string().optional(),
  page: z.custom<Page>(value => value instanceof Map, 'expected a page').optional(),
  log: z.custom<LogStream>(isObject, 'expected a stream').optional(),
  signal: abortSignal.optional(),
} satisfies FieldsOf<ServiceOptions>)

/** The options with all defaults. */
export type CheckedOptions = Omit<z.output<typeof schema>, 'limits'> & { readonly limits: ServiceLimits }

/** @throws DiffWaveError `BAD_OPTION` */
export function checkServiceOptions(options: ServiceOptions): CheckedOptions {
  const checked = check(schema, options, 'service options')
  const changed = Object.fromEntries(Object.entries(checked.limits ?? {}).filter(([, value]) => value !== undefined))
  // Otherwise the largest body would always be refused as one of too many.
  const uploadBytes = Math.max(defaultLimits.uploadBytes, checked.limits?.bodyBytes ?? 0)
  return { ...checked, limits: { ...defaultLimits, uploadBytes, ...changed } }
}
