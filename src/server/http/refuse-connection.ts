/** Refuses a connection itself, before or without a request that a route could answer. */
import type { Socket } from 'node:net'
import { LAST_BYTES_SECONDS } from '../limits.js'
import { PROBLEM_TYPE, problemOf } from '../problem.js'
import type { Refusal } from '../refusal.js'

/** Answers with the refusal, and ends the connection. */
export function refuseConnection(socket: Socket, refusal: Refusal): void {
  const problem = problemOf(refusal)
  const body = JSON.stringify(problem)
  const lines = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
  // A client that does not end its side, too, would keep the connection for ever.
  setTimeout(() => socket.destroy(), LAST_BYTES_SECONDS * 1000).unref()
}
