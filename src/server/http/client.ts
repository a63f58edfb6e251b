/** Who sent a request, and whether it is still there. */
import { isIPv6 } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'

const IPV6_GROUPS = 8

/** The client for limits per client: its address, or for IPv6 its network /64, in which it may take any address. */
export function clientOf({ ip }: Pick<FastifyRequest, 'ip'>): string {
  if (!isIPv6(ip)) return ip
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(ip) ?? []
  if (mapped !== undefined) return mapped
  const [before = [], after = []] = ip.split('::').map(part => part.split(':').filter(group => group !== ''))
  const missing = IPV6_GROUPS - before.length - after.length
  return [...before, ...Array<string>(missing).fill('0'), ...after].slice(0, IPV6_GROUPS / 2).join(':')
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
