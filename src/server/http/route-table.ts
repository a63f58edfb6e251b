/** The routes of a service, for requests that none of them answers. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { DOCUMENTED, Refusal } from '../refusal.js'

/** Which methods each address takes. */
export class RouteTable {
  readonly #routes: { readonly method: string; readonly pattern: RegExp }[] = []

  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ method, url }) => {
      // The route of CORS preflight requests.
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
      got: `${method} ${path}`,
      hint: DOCUMENTED,
    })
  }
  return new Refusal(405, 'METHOD_NOT_ALLOWED', 'this address takes another method', {
    expected: others.join(', '),
    got: method,
    hint: DOCUMENTED,
  })
}
