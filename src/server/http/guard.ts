/** Who may use the service: the bearer token, and which pages of browsers may send requests. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Refusal } from '../refusal.js'
import { isLoopback, loopbackNames } from './loopback.js'

export interface GuardOptions {
  readonly token?: string | undefined
  /** Origins whose pages may use the service, or `*`. */
  readonly cors: readonly string[]
  /** The address that the service listens on. */
  readonly host: string
}

/** Hashed, so that texts of different lengths take the same time to compare. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase()
}

/** @param open whether the route needs no token @throws Refusal `UNAUTHORIZED`, `FORBIDDEN` */
export type Guard = (headers: IncomingHttpHeaders, open: boolean) => void

/**
 * Checks a request's headers.
 *
 * - The token, compared in constant time.
 * - Host: a service on the loopback answers to its own names and those of `cors` alone, so that a page whose name was
 *   pointed at it (DNS rebinding) gets nothing.
 * - Origin: pages of other origins are refused, as browsers send simple requests without asking first.
 */
export function createGuard({ token, cors, host }: GuardOptions): Guard {
  const expected = token === undefined ? null : digest(token)
  // Pages of all origins may use the service: then it does not matter under which name.
  const local = isLoopback(host) && !cors.includes('*')
  const names = new Set([
    ...loopbackNames,
    host.toLowerCase(),
    ...cors.filter(origin => URL.canParse(origin)).map(origin => new URL(origin).hostname),
  ])
  return ({ authorization, host: asked, origin }, open) => {
    if (local && asked !== undefined && !names.has(hostName(asked))) {
      throw new Refusal(403, 'FORBIDDEN', 'the service does not answer to this host name', {
        expected: 'localhost',
        got: asked,
        hint: 'Name its origin with --cors, such as http://name:port, to reach the service under another name.',
      })
    }
    const foreign = origin !== undefined && asked !== undefined && !isOwn(origin, asked)
    if (foreign && !cors.includes('*') && !cors.includes(origin)) {
      throw new Refusal(403, 'FORBIDDEN', 'pages of this origin may not use the service', {
        expected: 'a page of the service itself',
        got: origin,
        hint: 'Start the service with --cors to allow other origins.',
      })
    }
    if (expected === null || open) return
    const [, sent] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
    if (sent !== undefined && timingSafeEqual(digest(sent), expected)) return
    throw new Refusal(401, 'UNAUTHORIZED', sent === undefined ? 'no token was sent' : 'the token is wrong', {
      expected: 'the header Authorization: Bearer TOKEN',
      hint: 'Send the token that the service was started with.',
    })
  }
}

function isOwn(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}
