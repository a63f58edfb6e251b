/** Addresses of Redis servers for `--redis`. */
import { DiffWaveError } from '../../core/errors.js'

/** Parses and checks an address. @throws DiffWaveError `BAD_OPTION` */
export function checkRedisUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  const isRedis = url !== null && ['redis:', 'rediss:'].includes(url.protocol) && url.hostname !== ''
  if (isRedis && /^\/?(\d{1,4})?$/.test(url.pathname)) return url
  throw new DiffWaveError('BAD_OPTION', 'not the URL of a Redis server', {
    expected: 'redis://host:6379, or rediss://user:password@host:6380/0 for TLS, a password and a database',
    // The text is not shown, because it may contain a password.
    ...(isRedis ? { got: withoutPassword(url) } : {}),
    where: 'redis',
  })
}

/** Returns the address without user and password, for messages and logs. */
export function withoutPassword(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}
