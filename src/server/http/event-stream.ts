/** Server-sent events (WHATWG HTML, section 9.2): events as text, with comments while nothing happens. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { KEEP_ALIVE_SECONDS } from '../limits.js'
import { clientSignal } from './client.js'

export const EVENT_STREAM = 'text/event-stream; charset=utf-8'

export interface StreamedEvent {
  readonly id: number
  readonly name: string
  readonly data: unknown
}

/** The id of the last event that a client knows, from `Last-Event-ID` or `?after=`; null if it names none. */
export function lastEventId({ headers, query }: FastifyRequest): number | null {
  const { after } = query as { readonly after?: unknown }
  const text = String(headers['last-event-id'] ?? after)
  return /^\d{1,15}$/.test(text) ? Number(text) : null
}

const QUIET = Symbol('nothing happened')

async function* eventText(events: AsyncIterable<StreamedEvent>): AsyncGenerator<string, void, undefined> {
  const iterator = events[Symbol.asyncIterator]()
  // Sent at once, so that the client knows that it is connected.
  yield ': connected\n\n'
  let next = iterator.next()
  next.catch(() => {})
  try {
    while (true) {
      let timer: NodeJS.Timeout | undefined
      const quiet = new Promise<typeof QUIET>(resolve => {
        timer = setTimeout(() => resolve(QUIET), KEEP_ALIVE_SECONDS * 1000)
      })
      const result = await Promise.race([next, quiet]).finally(() => clearTimeout(timer))
      if (result === QUIET) {
        yield ': still here\n\n'
        continue
      }
      if (result.done) return
      const { id, name, data } = result.value
      yield `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`
      next = iterator.next()
      next.catch(() => {})
    }
  } finally {
    // Not awaited: a source that waits for its signal must not hold up the end.
    Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

/** The bytes of a stream of events. It ends when the events do, also when they end by an error. */
async function* eventBytes(events: AsyncIterable<StreamedEvent>): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const text of eventText(events)) yield Buffer.from(text)
  } catch {
    // The reader has left, or the service is stopping: a client that comes back asks for the rest.
  }
}

/**
 * Answers with events until they end or the client leaves.
 *
 * @param open the events, until the signal fires
 */
export function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  open: (signal: AbortSignal) => AsyncIterable<StreamedEvent>,
): FastifyReply {
  reply.headers({ 'content-type': EVENT_STREAM, 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  // Whoever asks for the headers alone never leaves: the answer is over, and the events would go on without a reader.
  if (request.method === 'HEAD') return reply.send(Readable.from([]))
  const { signal } = clientSignal(reply)
  return reply.send(Readable.from(eventBytes(open(signal))))
}
