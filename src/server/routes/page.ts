/** The files of the page that the service was given; without one, `/` leads to the documentation. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import type { PageFile } from '../page.js'
import type { ServiceState } from '../service-state.js'

/** Built files carry a hash of their content in their names. */
const HASHED = /-[\w-]{8,}\.\w+$/
/** Media types that gzip makes much smaller: scripts, styles and WebAssembly to a third. */
const COMPRESSIBLE = /^(text\/|image\/svg|application\/(json|wasm))/
/** Smaller files fit into one packet either way. */
const MIN_COMPRESSED_BYTES = 1024

const compress = promisify(gzip)

/** Whether an `Accept-Encoding` allows gzip (RFC 9110, section 12.5.3). */
function acceptsGzip(header = ''): boolean {
  return header.split(',').some(part => {
    const [coding, quality = ''] = part.split(';')
    return coding!.trim().toLowerCase() === 'gzip' && !/^\s*q=0(\.0*)?\s*$/i.test(quality)
  })
}

/** Whether an `If-None-Match` names a tag. Proxies that compress an answer make its tag a weak one. */
function matchesTag(header: string, tag: string): boolean {
  return header.split(',').some(part => ['*', tag].includes(part.trim().replace(/^W\//, '')))
}

/** Gives the bytes of a file, compressed if the client takes that. The first such client waits for it. */
function encodings({ bytes, type }: PageFile) {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isCompressible = COMPRESSIBLE.test(type) && plain.length >= MIN_COMPRESSED_BYTES
  let compressed: Promise<Buffer> | undefined
  return async (accepted: string | undefined) => {
    if (!isCompressible || !acceptsGzip(accepted)) return { body: plain, headers: {} }
    compressed ??= compress(plain)
    return { body: await compressed, headers: { 'content-encoding': 'gzip' } }
  }
}

export function pageRoutes(app: FastifyInstance, { options: { page } }: ServiceState): void {
  if (page === undefined) {
    app.get('/', { schema: { hide: true } as object }, (_, reply) => reply.redirect('/docs'))
    return
  }
  for (const [path, file] of page) {
    const age = HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache'
    const encoded = encodings(file)
    const config = { open: true, rateLimit: false }
    app.get(path, { config, schema: { hide: true } as object }, async ({ headers: asked }, reply) => {
      // What the answer depends on besides, as the origin of a page that may use the service.
      const others = [reply.getHeader('vary') ?? []].flat()
      // The tag is weak, as it stands for the bytes as they are and compressed.
      reply.headers({ etag: `W/${file.etag}`, 'cache-control': age, vary: [...others, 'accept-encoding'].join(', ') })
      if (matchesTag(asked['if-none-match'] ?? '', file.etag)) return reply.status(304).send()
      const { body, headers } = await encoded(String(asked['accept-encoding'] ?? ''))
      return reply.headers(headers).type(file.type).send(body)
    })
  }
}
