/** The HTTP side of a service: Fastify with its plugins, the checks that every request passes, and the routes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import swagger from '@fastify/swagger'
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { packageVersion } from '../core/package.js'
import { admitRequests } from './http/admission.js'
import { answerBrokenRequest } from './http/broken-request.js'
import { allowOrigins, protectPages } from './http/browsers.js'
import { boundConnections } from './http/connections.js'
import { ownError, refuse } from './http/refuse.js'
import { RouteTable } from './http/route-table.js'
import type { Uploads } from './http/uploads.js'
import { HEADER_SECONDS, MAX_HEADER_BYTES, MAX_URL_CHARACTERS, REQUEST_SECONDS } from './limits.js'
import type { CheckedOptions } from './options.js'
import { Refusal } from './refusal.js'
import { docsRoutes } from './routes/docs.js'
import { healthRoutes } from './routes/health.js'
import { jobRoutes } from './routes/jobs.js'
import { modelRoutes } from './routes/models.js'
import { operationRoutes } from './routes/operations.js'
import { pageRoutes } from './routes/page.js'
import { runRoutes } from './routes/runs.js'
import type { ServiceState } from './service-state.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without the token: health, documentation and the page itself. */
    open?: boolean
  }
}

function createFastify({ log, trustProxy, limits }: CheckedOptions): FastifyInstance {
  return fastify({
    logger: log === undefined ? false : { level: 'info', stream: log },
    // The address that the nearest proxy saw. Those before it are what the client says.
    trustProxy: trustProxy && ((_: string, hop: number) => hop === 0),
    bodyLimit: limits.bodyBytes,
    requestTimeout: REQUEST_SECONDS * 1000,
    // Otherwise a slow request is only noticed twice a minute.
    http: {
      headersTimeout: HEADER_SECONDS * 1000,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Refused by `admitRequests`, with a problem document.
      requireHostHeader: false,
    },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) =>
      refuse(ownError(error, limits), request as FastifyRequest, reply as FastifyReply),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_URL_CHARACTERS },
    exposeHeadRoutes: true,
    return503OnClosing: false,
  })
}

/** Bodies are read as they are: the bytes tell what they hold. */
function readBodies(app: FastifyInstance, uploads: Uploads): void {
  // A request closes when it is read, an answer when it is sent or nobody is there to take it.
  const answers = new WeakMap<FastifyRequest, ServerResponse>()
  app.addHook('onRequest', async (request, reply) => void answers.set(request, reply.raw))
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
    uploads.read(payload, request.routeOptions.bodyLimit, release => answers.get(request)!.once('close', release)),
  )
}

/** Counts the answers, for metrics. */
function countAnswers(app: FastifyInstance, { metrics }: ServiceState): void {
  app.addHook('onResponse', async (request, reply) => {
    const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode }
    metrics.count('diffwave_http_requests_total', 'Requests by route and status.', labels)
    const { method, route } = labels
    const seconds = reply.elapsedTime / 1000
    metrics.observe('diffwave_http_request_seconds', 'Time to the end of an answer.', seconds, { method, route })
  })
}

/** Documents the routes that follow. */
async function documentRoutes(app: FastifyInstance, { token }: CheckedOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'diffwave',
        description: 'Neural vocoding and audio generation with DiffWave.',
        version: packageVersion(),
      },
      ...(token === undefined
        ? {}
        : {
            components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
            security: [{ token: [] }],
          }),
    },
  })
}

/** @param state what the routes share */
export async function createApp(state: ServiceState): Promise<FastifyInstance> {
  const { options } = state
  const app = createFastify(options)
  // Connections from a trusted proxy are the proxy's own. Only it knows how many a client has.
  boundConnections(app.server, options.trustProxy ? 0 : options.limits.connectionsPerClient, () =>
    state.metrics.count('diffwave_refused_connections_total', 'Connections refused to clients that had too many.'),
  )
  // Schemas document the API; requests are checked against the schemas of operations.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => data => JSON.stringify(data))
  app.setErrorHandler((error: FastifyError, request, reply) => refuse(ownError(error, options.limits), request, reply))
  const table = new RouteTable(app)
  app.setNotFoundHandler((request, reply) => refuse(table.missing(request), request, reply))
  readBodies(app, state.uploads)
  await protectPages(app)
  await allowOrigins(app, options.cors)
  await admitRequests(app, options)
  countAnswers(app, state)
  await documentRoutes(app, options)
  await app.register(async scope => {
    healthRoutes(scope, state)
    modelRoutes(scope, state)
    operationRoutes(scope, state)
    jobRoutes(scope, state)
    runRoutes(scope, state)
    docsRoutes(scope, () => app.swagger())
    pageRoutes(scope, state)
  })
  await app.ready()
  return app
}
