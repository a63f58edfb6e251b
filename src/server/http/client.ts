/** Who sent a request, and whether it is still there. */
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The client for limits per client: its address. */
export function clientOf({ ip }: Pick<FastifyRequest, 'ip'>): string {
  return ip
}

/** Fires when the connection ends before the response does. */
export function clientSignal(reply: FastifyReply): AbortController {
  const left = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort(new Error('the client left'))
  })
  return left
}
