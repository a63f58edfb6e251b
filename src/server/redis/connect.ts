/** Connections to Redis. */
import type { Redis } from 'ioredis'
import { DiffWaveError } from '../../core/errors.js'
import { CONNECT_SECONDS, MAX_RECONNECT_SECONDS, REDIS_SECONDS } from '../limits.js'
import type { RedisPackages } from './packages.js'
import { checkRedisUrl, withoutPassword } from './redis-url.js'

/** Seconds before the first attempt to reconnect. Each further attempt waits twice as long. */
const FIRST_RECONNECT_SECONDS = 0.1

export interface ConnectOptions {
  /** Whether commands wait while the server is unreachable, as for workers. Otherwise they fail after some seconds. */
  readonly patient: boolean
  /** Called with the error when the connection breaks, for a log. It is restored automatically. */
  readonly onError: (error: Error) => void
}

/** A connection, and those that BullMQ duplicates from it. */
export interface Connection {
  readonly client: Redis
  /** Stops waiting for an unreachable server. Commands that wait for it fail. */
  giveUp(): void
}

/**
 * Connects to a Redis server.
 *
 * @throws DiffWaveError `BAD_OPTION` for an invalid address, `REDIS_UNAVAILABLE`
 */
export async function connect(
  { Redis }: Pick<RedisPackages, 'Redis'>,
  address: string,
  { patient, onError }: ConnectOptions,
): Promise<Connection> {
  const url = checkRedisUrl(address)
  let connected = false
  let waits = true
  const client = new Redis(url.href, {
    lazyConnect: true,
    connectTimeout: CONNECT_SECONDS * 1000,
    retryStrategy: attempt => {
      if (!connected || !waits) return null
      return 1000 * Math.min(MAX_RECONNECT_SECONDS, FIRST_RECONNECT_SECONDS * 2 ** (attempt - 1))
    },
    // BullMQ requires this for connections that wait for jobs.
    maxRetriesPerRequest: patient ? null : 1,
    enableOfflineQueue: patient,
    ...(patient ? {} : { commandTimeout: REDIS_SECONDS * 1000 }),
  })
  let last: Error | null = null
  client.on('ready', () => {
    last = null
  })
  client.on('error', error => {
    // Attempts to reconnect fail with the same error until one succeeds.
    if (connected && last === null) onError(error)
    last = error
  })
  try {
    await client.connect()
    // A server that requires a password still accepts the connection, so that it is tested by a command.
    await client.ping()
    connected = true
    const giveUp = () => {
      waits = false
    }
    return { client, giveUp }
  } catch (error) {
    client.disconnect()
    const reason = last ?? error
    throw new DiffWaveError('REDIS_UNAVAILABLE', 'Redis cannot be reached', {
      expected: 'a running Redis server',
      got: reason instanceof Error ? reason.message : 'no answer',
      where: withoutPassword(url),
      hint: 'Check address and password with `redis-cli -u URL ping`.',
      cause: error,
    })
  }
}
