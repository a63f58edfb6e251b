/** Bounds connections beyond what Node does by itself. */
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { MAX_CONNECTIONS, STALLED_SECONDS } from '../limits.js'
import { EVENT_STREAM } from './event-stream.js'

/** Node keeps the answer that a connection waits for in `_httpMessage`. */
type ServerSocket = Socket & { readonly _httpMessage?: ServerResponse | null }

/** The answer that a connection waits for or receives; null if it is idle. */
export function currentAnswer(socket: Socket): ServerResponse | null {
  return (socket as ServerSocket)._httpMessage ?? null
}

export function boundConnections(server: Server): void {
  server.maxConnections = MAX_CONNECTIONS
  server.timeout = STALLED_SECONDS * 1000
  // Expectations that a server does not know may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (request, answer) => server.emit('request', request, answer))
  server.on('timeout', (socket: Socket) => {
    // No bytes move either way. An answer without bytes to send is still being computed.
    const isWaiting = currentAnswer(socket) !== null && socket.writableLength === 0
    if (!isWaiting) socket.destroy()
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
