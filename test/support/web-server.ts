/** A web server for tests. A test chooses the folders that it serves, its headers and its faults. */
import { createReadStream, existsSync, statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { after } from 'node:test'
import { httpServer } from './http-server.js'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
}

/** These headers let a page share memory between threads. */
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'cross-origin',
}

/** Answers a request in place of the server. @returns whether it did */
export type Answer = (request: IncomingMessage, response: ServerResponse, path: string) => boolean

export interface WebServer {
  /** The URL without a slash at its end. */
  readonly url: string
  /** Each request so far as `METHOD path`. */
  readonly requests: readonly string[]
}

export interface WebServerOptions {
  /** Folders by the path at which they are served, such as `/models`. */
  readonly folders: Readonly<Record<string, string>>
  /** Whether pages are cross-origin isolated. Default: false. */
  readonly isolated?: boolean
  /** It is called before the folders are searched. */
  readonly answer?: Answer
}

/** Starts a server that runs until the tests of the file have ended. */
export async function serveFolders({ folders, isolated = false, answer }: WebServerOptions): Promise<WebServer> {
  const requests: string[] = []
  const { port, close } = await httpServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, 'http://localhost').pathname))
    requests.push(`${request.method} ${path}`)
    if (isolated) for (const [name, value] of Object.entries(ISOLATED)) response.setHeader(name, value)
    if (answer?.(request, response, path)) return
    const file = fileAt(folders, path)
    if (file === null) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found')
      return
    }
    const { size, mtime } = statSync(file)
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-length': size,
      'last-modified': mtime.toUTCString(),
    })
    if (request.method === 'HEAD') response.end()
    else createReadStream(file).pipe(response)
  })
  after(close)
  return { url: `http://localhost:${port}`, requests }
}

function fileAt(folders: Readonly<Record<string, string>>, path: string): string | null {
  for (const [prefix, folder] of Object.entries(folders)) {
    if (path !== prefix && !path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`)) continue
    const below = join(folder, path.slice(prefix.length))
    for (const file of [below, join(below, 'index.html')]) {
      if (existsSync(file) && statSync(file).isFile()) return file
    }
  }
  return null
}
