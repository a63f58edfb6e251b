/** The HTTP side of a service: Fastify with its plugins, the checks that every request passes, and the routes. */
import type { IncomingMessage } from 'node:http'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { answerBrokenRequest } from './http/broken-request.js'
import { clientOf } from './http/client.js'
import { factHeaders } from './http/fact-headers.js'
import { createGuard } from './http/guard.js'
import { tooLarge, Uploads } from './http/uploads.js'
import { HEADER_SECONDS, MAX_CONNECTIONS, MAX_HEADER_BYTES, MAX_URL_CHARACTERS, REQUEST_SECONDS } from './limits.js'
import type { CheckedOptions } from './options.js'
import { isFault, PROBLEM_TYPE, problemOf } from './problem.js'
import { Refusal, type ServiceCode } from './refusal.js'
import { docsRoutes } from './routes/docs.js'
import { healthRoutes } from './routes/health.js'
import { jobRoutes } from './routes/jobs.js'
import { modelRoutes } from './routes/models.js'
import { pageRoutes } from './routes/page.js'
import { runRoutes } from './routes/runs.js'
import { workRoutes } from './routes/works.js'
import type { ServiceState } from './service-state.js'
import { packageVersion } from './version.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without the token: health, documentation and the page itself. */
    open?: boolean
  }
}

/** Refusals of Fastify itself, by status: its messages speak of its insides. */
const fastifyRefusals: Readonly<Record<number, readonly [code: ServiceCode, problem: string, expected: string]>> = {
  400: ['BAD_REQUEST', 'the request is malformed', 'a request as in /docs'],
  406: ['NOT_ACCEPTABLE', 'no acceptable answer', 'a request as in /docs'],
  411: ['LENGTH_REQUIRED', 'the length of the body is missing', 'Content-Length'],
  414: ['URI_TOO_LONG', 'the address is too long', `at most ${MAX_URL_CHARACTERS} characters`],
  415: ['UNSUPPORTED_MEDIA_TYPE', 'a body of this media type is not read', 'the file itself as the body'],
}

/** An error of Fastify or of ours, as one that `problemOf` knows. */
function ownError(error: FastifyError, { bodyBytes }: CheckedOptions['limits']): unknown {
  if (!error.code?.startsWith('FST_') || error.statusCode === undefined) return error
  if (error.statusCode === 413) return tooLarge(bodyBytes)
  const known = fastifyRefusals[error.statusCode]
  if (known === undefined) return error
  const [code, problem, expected] = known
  return new Refusal(error.statusCode, code, problem, { expected, got: 'something else' })
}

/** Answers a request with a problem document. */
function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error)
  if (isFault(error)) request.log.error({ err: error }, 'a fault of the service')
  if (problem.retryAfter !== undefined) reply.header('retry-after', problem.retryAfter)
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  // Headers of a result that did not come about.
  reply.removeHeader('content-length').removeHeader('content-disposition')
  void reply.status(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem))
}

function createFastify({ log, trustProxy, limits }: CheckedOptions): FastifyInstance {
  return fastify({
    logger: log === undefined ? false : { level: 'info', stream: log },
    trustProxy,
    bodyLimit: limits.bodyBytes,
    requestTimeout: REQUEST_SECONDS * 1000,
    // Otherwise a slow request is only noticed twice a minute.
    http: { headersTimeout: HEADER_SECONDS * 1000, connectionsCheckingInterval: 1000, maxHeaderSize: MAX_HEADER_BYTES },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) =>
      refuse(ownError(error, limits), request as FastifyRequest, reply as FastifyReply),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 200 },
    exposeHeadRoutes: true,
    return503OnClosing: false,
  })
}

/** Bodies are read as they are: the bytes tell what they hold. */
function readBodies(app: FastifyInstance, uploads: Uploads): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('multipart/form-data', (_, __, done) => {
    done(
      new Refusal(415, 'UNSUPPORTED_MEDIA_TYPE', 'forms are not read', {
        expected: 'the file itself as the body',
        got: 'multipart/form-data',
        hint: 'Send it as curl --data-binary @file does, with options in the address.',
      }),
    )
  })
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    uploads.read(payload, release => request.raw.once('close', release)),
  )
}

/** Checks and counts every request. */
function addHooks(app: FastifyInstance, state: ServiceState): void {
  const { options, metrics } = state
  const guard = createGuard(options)
  app.addHook('onRequest', async request => {
    if (request.url.length > MAX_URL_CHARACTERS) {
      throw new Refusal(414, 'URI_TOO_LONG', 'the address is too long', {
        expected: `at most ${MAX_URL_CHARACTERS} characters`,
        got: String(request.url.length),
      })
    }
    guard(request.headers, request.routeOptions.config.open === true)
  })
  app.addHook('onResponse', async (request, reply) => {
    const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode }
    metrics.count('diffwave_http_requests_total', 'Requests by route and status.', labels)
    const { method, route } = labels
    const seconds = reply.elapsedTime / 1000
    metrics.observe('diffwave_http_request_seconds', 'Time to the end of an answer.', seconds, { method, route })
  })
}

/** @param state what the routes share */
export async function createApp(state: ServiceState): Promise<FastifyInstance> {
  const { options } = state
  const app = createFastify(options)
  app.server.maxConnections = MAX_CONNECTIONS
  // Schemas document the API; requests are checked against the schemas of works.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => data => JSON.stringify(data))
  app.setErrorHandler((error: FastifyError, request, reply) => refuse(ownError(error, options.limits), request, reply))
  const routes = new RouteTable(app)
  app.setNotFoundHandler((request, reply) => refuse(routes.missing(request), request, reply))
  readBodies(app, new Uploads(options.limits))
  await app.register(helmet, {
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        mediaSrc: ["'self'", 'blob:', 'data:'],
        imgSrc: ["'self'", 'blob:', 'data:'],
        connectSrc: ["'self'", 'blob:', 'data:'],
        workerSrc: ["'self'", 'blob:'],
        // The service itself speaks HTTP; a proxy that adds TLS can add this, too.
        upgradeInsecureRequests: null,
      },
    },
    strictTransportSecurity: false,
  })
  if (options.cors.length > 0) {
    await app.register(cors, {
      origin: options.cors.includes('*') ? '*' : [...options.cors],
      exposedHeaders: ['location', 'retry-after', ...factHeaders],
    })
  }
  addHooks(app, state)
  await app.register(rateLimit, {
    global: options.limits.requestsPerMinute > 0,
    max: options.limits.requestsPerMinute,
    timeWindow: '1 minute',
    keyGenerator: clientOf,
    errorResponseBuilder: (_, { max, ttl }) =>
      new Refusal(429, 'TOO_MANY_REQUESTS', 'too many requests', {
        expected: `at most ${max} per minute`,
        got: 'more',
        hint: 'Try again after the seconds of Retry-After.',
        retryAfter: Math.ceil(ttl / 1000),
      }),
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'diffwave',
        description: 'Neural vocoding and audio generation with DiffWave.',
        version: packageVersion(),
      },
      ...(options.token === undefined
        ? {}
        : {
            components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
            security: [{ token: [] }],
          }),
    },
  })
  await app.register(async scope => {
    healthRoutes(scope, state)
    modelRoutes(scope, state)
    workRoutes(scope, state)
    jobRoutes(scope, state)
    runRoutes(scope, state)
    docsRoutes(scope, () => app.swagger())
    pageRoutes(scope, state)
  })
  await app.ready()
  return app
}

/** Which methods each address takes. */
class RouteTable {
  readonly #routes: { readonly method: string; readonly pattern: RegExp }[] = []

  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ method, url }) => {
      // Answers to the questions that browsers ask beforehand.
      if (url === '*') return
      const pattern = new RegExp(`^${url.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}/?$`)
      for (const name of [method].flat()) this.#routes.push({ method: name, pattern })
    })
  }

  /** The refusal of a request that no route answers. */
  missing({ method, url }: FastifyRequest): Refusal {
    const path = url.split('?')[0]!
    const others = this.#routes.filter(route => route.pattern.test(path)).map(route => route.method)
    return notFound(method, path, others)
  }
}

function notFound(method: string, path: string, others: readonly string[]): Refusal {
  if (others.length === 0) {
    return new Refusal(404, 'NOT_FOUND', 'there is nothing at this address', {
      expected: 'an address of /docs',
      got: `${method} ${path}`,
    })
  }
  return new Refusal(405, 'METHOD_NOT_ALLOWED', 'this address takes another method', {
    expected: others.join(', '),
    got: method,
  })
}
