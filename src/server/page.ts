/** A built page: a handful of files that are read once, so that no request ever names a path. */
import { createHash } from 'node:crypto'
import { extname, join, sep } from 'node:path'
import { filesBelow } from '../core/folder.js'
import { readFileBytes } from '../core/read-file.js'

/** A file of the page. */
export interface PageFile {
  readonly bytes: Uint8Array
  readonly type: string
  /** Its entity tag, a hash in quotes. */
  readonly etag: string
}

/** Files by their path in an address, as `/assets/app.js`. */
export type Page = ReadonlyMap<string, PageFile>

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.wav': 'audio/wav',
  '.safetensors': 'application/octet-stream',
}

/**
 * The page whose files lie below folders; `index.html` is also at `/`.
 *
 * @param folders by the path at which the page has their files, empty for its root
 * @throws DiffWaveError as `readFileBytes`
 */
export async function readPage(folders: Readonly<Record<string, string>>): Promise<Page> {
  const page = new Map<string, PageFile>()
  for (const [at, folder] of Object.entries(folders)) {
    for (const name of await filesBelow(folder, /./)) {
      const bytes = await readFileBytes(join(folder, name))
      const type = types[extname(name).toLowerCase()] ?? 'application/octet-stream'
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 24)}"`
      page.set(`/${[...(at === '' ? [] : [at]), ...name.split(sep)].join('/')}`, { bytes, type, etag })
    }
  }
  const index = page.get('/index.html')
  if (index !== undefined) page.set('/', index)
  return page
}
