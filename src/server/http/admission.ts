/** What every request must pass before its route: limits, and the guard. */
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MAX_URL_CHARACTERS } from '../limits.js'
import type { CheckedOptions } from '../options.js'
import { Refusal } from '../refusal.js'
import { clientOf } from './client.js'
import { createGuard } from './guard.js'

/** Counts the requests of each client. @returns a hook that refuses those past the limit */
async function requestLimit(app: FastifyInstance, max: number) {
  await app.register(rateLimit, {
    global: false,
    max,
    timeWindow: '1 minute',
    keyGenerator: clientOf,
    errorResponseBuilder: (_, { max, ttl }) =>
      new Refusal(429, 'TOO_MANY_REQUESTS', 'too many requests', {
        expected: `at most ${max} per minute`,
        hint: 'Try again after the seconds of Retry-After.',
        retryAfter: Math.ceil(ttl / 1000),
      }),
  })
  const limit = app.rateLimit()
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (max > 0) await limit.call(app, request, reply)
  }
}

/** Checks every request, also those that no route answers. */
export async function admitRequests(app: FastifyInstance, options: CheckedOptions): Promise<void> {
  const guard = createGuard(options)
  const count = await requestLimit(app, options.limits.requestsPerMinute)
  app.addHook('onRequest', async (request, reply) => {
    const { open = false, rateLimit } = request.routeOptions.config
    if (rateLimit !== false) await count(request, reply)
    if (request.url.length > MAX_URL_CHARACTERS) {
      throw new Refusal(414, 'URI_TOO_LONG', 'the address is too long', {
        expected: `at most ${MAX_URL_CHARACTERS} characters`,
        got: String(request.url.length),
      })
    }
    if (request.headers.host === undefined && request.raw.httpVersion !== '1.0') {
      throw new Refusal(400, 'BAD_REQUEST', 'the request names no host', { expected: 'the header Host' })
    }
    try {
      guard(request.headers, open)
    } catch (error) {
      // Else tokens could be guessed at routes whose requests are not counted.
      await count(request, reply)
      throw error
    }
  })
}
