/** `/docs` and `/docs/openapi.json`: the documentation of the API. */
import type { FastifyInstance } from 'fastify'
import { type ApiDocument, docsPage } from '../http/docs-page.js'

/** @param openApi the document, once all routes are there */
export function docsRoutes(app: FastifyInstance, openApi: () => object): void {
  const schema = { hide: true } as object
  const config = { open: true }
  app.get('/docs', { schema, config }, (_, reply) =>
    reply.type('text/html; charset=utf-8').send(docsPage(openApi() as ApiDocument)),
  )
  app.get('/docs/openapi.json', { schema, config }, () => openApi())
}
