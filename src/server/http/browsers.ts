/** What browsers are told of the service: what its own pages may load, and which other pages may use it. */
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'
import { factHeaders } from './fact-headers.js'

/** Headers that keep pages of the service to its own files. */
export async function protectPages(app: FastifyInstance): Promise<void> {
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
}

/** Seconds for which browsers need not ask again: by themselves they ask before almost every request. */
const PREFLIGHT_SECONDS = 600

/** Lets pages of other origins use the service. @param origins `*` for all */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    exposedHeaders: ['location', 'preference-applied', 'retry-after', ...factHeaders],
    maxAge: PREFLIGHT_SECONDS,
  })
}
