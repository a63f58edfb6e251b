/** Local HTTP servers for tests. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HttpServer {
  /** The URL without a slash at its end. */
  readonly url: string
  readonly port: number
  /** Stops the server and all its connections. It may be called repeatedly. */
  close(): Promise<void>
}

/** Starts a server, which the caller closes. @param port default: a free one */
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

/** Finds a port on which no server listens. */
export async function freePort(): Promise<number> {
  const { port, close } = await httpServer(() => {})
  await close()
  return port
}
