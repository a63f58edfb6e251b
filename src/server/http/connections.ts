/** Bounds connections beyond what Node does by itself. */
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { MAX_CONNECTIONS, STALLED_SECONDS } from '../limits.js'
import { Refusal } from '../refusal.js'
import { clientOf } from './client.js'
import { EVENT_STREAM } from './event-stream.js'
import { refuseConnection } from './refuse-connection.js'

/** Node keeps the answer that a connection waits for in `_httpMessage`. */
type ServerSocket = Socket & { readonly _httpMessage?: ServerResponse | null }

/** The answer that a connection waits for or receives; null if it is idle. */
export function currentAnswer(socket: Socket): ServerResponse | null {
  return (socket as ServerSocket)._httpMessage ?? null
}

/**
 * @param perClient open connections from one client at most; 0: any number
 * @param onRefused called for each connection beyond
 */
export function boundConnections(server: Server, perClient: number, onRefused: () => void): void {
  server.maxConnections = MAX_CONNECTIONS
  if (perClient > 0) boundClients(server, perClient, onRefused)
  server.timeout = STALLED_SECONDS * 1000
  // Expectations that a server does not know may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (request, answer) => server.emit('request', request, answer))
  server.on('timeout', (socket: Socket) => {
    // No bytes move either way. An answer without bytes to send is still being computed.
    const isWaiting = currentAnswer(socket) !== null && socket.writableLength === 0
    if (!isWaiting) socket.destroy()
  })
}

/** Refuses connections of clients that have too many, before they send a request: an idle one takes a place, too. */
function boundClients(server: Server, max: number, onRefused: () => void): void {
  const counts = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    // One that has left already has no address.
    if (socket.remoteAddress === undefined) return
    const client = clientOf({ ip: socket.remoteAddress })
    const count = (counts.get(client) ?? 0) + 1
    counts.set(client, count)
    socket.once('close', () => {
      const left = counts.get(client)! - 1
      if (left > 0) counts.set(client, left)
      else counts.delete(client)
    })
    if (count <= max) return
    onRefused()
    // Before it is read from: else its request would be worked on.
    socket.once('finish', () => socket.destroy())
    refuseConnection(
      socket,
      new Refusal(429, 'TOO_MANY_REQUESTS', 'too many connections', {
        expected: `at most ${max} open connections from one client`,
        hint: 'Use the connections that are open, or close some.',
      }),
    )
  })
}

/** The open connections of a server, from before it listens. */
export class Connections {
  readonly #sockets = new Set<Socket>()

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Whether an answer is on its way that has an end: events may have none. */
  get areSending(): boolean {
    return [...this.#sockets].some(socket => {
      const answer = currentAnswer(socket)
      return answer?.headersSent === true && answer.getHeader('content-type') !== EVENT_STREAM
    })
  }
}
