/** A web server on this machine for tests of downloads. Tests choose its files, and how it misbehaves. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { httpServer } from './http-server.js'

/** Answers a request with something other than the file. Returns false if the server should send the file. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, bytes: Buffer | undefined) => boolean

export interface FileServer {
  /** URL without a slash at its end. */
  readonly url: string
  /** Files by path, from `/` on. */
  readonly files: Map<string, Buffer>
  /** The requests so far, with path and range. */
  readonly requests: { readonly path: string; readonly range: string | undefined }[]
  misbehave: Misbehaviour
  close(): Promise<void>
}

/** Starts a server; the caller closes it. */
export async function fileServer(): Promise<FileServer> {
  const files = new Map<string, Buffer>()
  const requests: FileServer['requests'] = []
  const { url, close } = await httpServer((request, response) => {
    const path = decodeURI(request.url!.split('?')[0]!)
    requests.push({ path, range: request.headers.range })
    const bytes = files.get(path)
    if (server.misbehave(request, response, bytes)) return
    if (bytes === undefined) {
      response.writeHead(404).end()
      return
    }
    sendFile(request, response, bytes)
  })
  const server: FileServer = {
    url,
    files,
    requests,
    misbehave: () => false,
    close,
  }
  return server
}

/** Sends a file, or the rest of it, with an ETag. */
export function sendFile(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const etag = etagOf(bytes)
  const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]
  if (from === undefined || request.headers['if-range'] !== etag) {
    response.writeHead(200, { 'content-length': bytes.length, etag }).end(bytes)
    return
  }
  const start = Number(from)
  if (start >= bytes.length) {
    response.writeHead(416).end()
    return
  }
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`
  response.writeHead(206, { 'content-range': range, 'content-length': bytes.length - start, etag })
  response.end(bytes.subarray(start))
}

export function etagOf(bytes: Buffer): string {
  return `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`
}
