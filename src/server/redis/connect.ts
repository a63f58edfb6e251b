/** Connections to Redis. */
import type { Redis } from 'ioredis'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { CONNECT_SECONDS, DISCONNECT_SECONDS, MAX_RECONNECT_SECONDS, REDIS_SECONDS } from '../limits.js'
import type { RedisPackages } from './packages.js'
import { checkRedisUrl, withoutPassword } from './redis-url.js'

/** Seconds before the first attempt to reconnect. Each further attempt waits twice as long. */
const FIRST_RECONNECT_SECONDS = 0.1

export interface ConnectOptions {
  /** Whether commands wait while the server is unreachable, as for workers. Otherwise they fail after some seconds. */
  readonly patient: boolean
  /** Called with the error when the connection breaks, for a log. It is restored automatically. */
  readonly onError: (error: Error) => void
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal | undefined
}

/** A connection, and those that BullMQ duplicates from it. */
export interface Connection {
  readonly client: Redis
  /** Ends all of them, also while they wait for an unreachable server. Commands that wait for it fail. */
  close(): void
}

/** Ends a connection for good: BullMQ would connect again. */
function end(client: Redis): void {
  client.connect = () => Promise.reject(new Error('the connection was closed'))
  // Between two attempts, ioredis ends without the event `end`, for which BullMQ waits. Before the first it sends it.
  if (client.status === 'reconnecting') client.status = 'wait'
  client.disconnect()
}

/** A client, and from now on those that BullMQ duplicates from it. */
function withDuplicates(client: Redis): readonly Redis[] {
  const all = [client]
  const duplicate = client.duplicate.bind(client)
  client.duplicate = override => {
    const copy = duplicate(override)
    all.push(copy)
    return copy
  }
  return all
}

/** @param reason why; null if the server never answered */
function unreachable(url: URL, reason: unknown, cause: unknown): DiffWaveError {
  return new DiffWaveError('REDIS_UNAVAILABLE', 'Redis cannot be reached', {
    expected: 'a running Redis server',
    got: reason instanceof Error ? reason.message : 'no answer',
    where: withoutPassword(url),
    hint: 'Check the address and the password with `redis-cli -u URL ping`.',
    cause,
  })
}

/**
 * Connects to a Redis server.
 *
 * @throws DiffWaveError `BAD_OPTION` for an invalid address, `REDIS_UNAVAILABLE`, `ABORTED`
 */
export async function connect(
  { Redis }: Pick<RedisPackages, 'Redis'>,
  address: string,
  { patient, onError, signal }: ConnectOptions,
): Promise<Connection> {
  const url = checkRedisUrl(address)
  throwIfAborted(signal)
  let connected = false
  let closed = false
  const client = new Redis(url.href, {
    lazyConnect: true,
    connectTimeout: CONNECT_SECONDS * 1000,
    disconnectTimeout: DISCONNECT_SECONDS * 1000,
    retryStrategy: attempt => {
      if (!connected || closed) return null
      return 1000 * Math.min(MAX_RECONNECT_SECONDS, FIRST_RECONNECT_SECONDS * 2 ** (attempt - 1))
    },
    // BullMQ requires this for connections that wait for jobs.
    maxRetriesPerRequest: patient ? null : 1,
    enableOfflineQueue: patient,
    ...(patient ? {} : { commandTimeout: REDIS_SECONDS * 1000 }),
  })
  const all = withDuplicates(client)
  const close = () => {
    closed = true
    for (const one of all) end(one)
  }
  let last: Error | null = null
  client.on('ready', () => {
    last = null
  })
  client.on('error', error => {
    // Attempts to reconnect fail with the same error until one succeeds.
    if (connected && last === null) onError(error)
    last = error
  })
  // A server that accepts the connection may still never answer.
  const silent = setTimeout(close, CONNECT_SECONDS * 1000)
  signal?.addEventListener('abort', close, { once: true })
  try {
    await client.connect()
    // A server that requires a password still accepts the connection, so that it is tested by a command.
    await client.ping()
    connected = true
    return { client, close }
  } catch (error) {
    const isSilent = closed
    close()
    throwIfAborted(signal)
    // A connection that was closed here has no error of its own.
    throw unreachable(url, isSilent ? null : (last ?? error), error)
  } finally {
    clearTimeout(silent)
    signal?.removeEventListener('abort', close)
  }
}
