/** HTTP servers of tests, on this machine. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HttpServer {
  /** Without a slash at its end. */
  readonly url: string
  readonly port: number
  /** Stops it, with all its connections; more than once is allowed. */
  close(): Promise<void>
}

/** Starts a server; the caller closes it. @param port default: a free one */
export async function httpServer(answer: RequestListener, port = 0): Promise<HttpServer> {
  const server = createServer(answer)
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A port at which nothing listens. */
export async function freePort(): Promise<number> {
  const { port, close } = await httpServer(() => {})
  await close()
  return port
}
