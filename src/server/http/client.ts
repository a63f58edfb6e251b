/** Who sent a request, and whether it is still there. */
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The client for limits per client: its address. */
export function clientOf({ ip }: Pick<FastifyRequest, 'ip'>): string {
  return ip
}

/** Fires when the connection ends before the response does. */
export function clientSignal(reply: Pick<FastifyReply, 'raw'>): AbortController {
  const left = new AbortController()
  const leave = () => left.abort(new Error('the client left'))
  // It may have left while the request was looked at.
  if (reply.raw.destroyed) leave()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) leave()
  })
  return left
}
