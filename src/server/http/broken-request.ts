/** Answers what is not HTTP, is too large to be read or comes too slowly: no route ever sees such requests. */
import type { Socket } from 'node:net'
import { MAX_HEADER_BYTES } from '../limits.js'
import { Refusal } from '../refusal.js'
import { currentAnswer } from './connections.js'
import { refuseConnection } from './refuse-connection.js'

function refusalOf(code: string | undefined): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Refusal(431, 'HEADERS_TOO_LARGE', 'the headers are too large', {
        expected: `at most ${MAX_HEADER_BYTES} bytes`,
        hint: 'Send fewer headers.',
      })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Refusal(408, 'REQUEST_TIMEOUT', 'the request did not arrive in time', {
        hint: 'Send it again, in fewer bytes or over a faster connection.',
      })
    default:
      return new Refusal(400, 'BAD_REQUEST', 'this is not a valid HTTP/1.1 request')
  }
}

export function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  // Amid another answer, the client would take this one for a part of it.
  const isAnswering = currentAnswer(socket)?.headersSent === true
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || isAnswering) {
    socket.destroy()
    return
  }
  refuseConnection(socket, refusalOf(error.code))
}
