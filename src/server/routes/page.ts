/** The files of the page that the service was given; without one, `/` leads to the documentation. */
import type { FastifyInstance } from 'fastify'
import type { ServiceState } from '../service-state.js'

/** Built files carry a hash of their content in their names. */
const HASHED = /-[\w-]{8,}\.\w+$/

export function pageRoutes(app: FastifyInstance, { options: { page } }: ServiceState): void {
  if (page === undefined) {
    app.get('/', { schema: { hide: true } as object }, (_, reply) => reply.redirect('/docs'))
    return
  }
  for (const [path, { bytes, type, etag }] of page) {
    const age = HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache'
    const config = { open: true, rateLimit: false }
    app.get(path, { config, schema: { hide: true } as object }, (request, reply) => {
      reply.headers({ etag, 'cache-control': age })
      return request.headers['if-none-match'] === etag
        ? reply.status(304).send()
        : reply.type(type).send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    })
  }
}
