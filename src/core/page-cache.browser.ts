/** Downloads kept in the browser's storage (Cache API). */
import type { DownloadCache, Validators } from './url-source.js'

const NAME = 'diffwave-models-1'

/** Headers under which a kept file has its validators. */
const HEADERS = { etag: 'x-etag', lastModified: 'x-last-modified', length: 'x-length' } as const

/** The cache; null if the page has none: it is not from `https:` or this machine, or the user forbids storage. */
export async function openCache(): Promise<DownloadCache | null> {
  let cache: Cache
  try {
    cache = await globalThis.caches.open(NAME)
  } catch {
    return null
  }
  return {
    async get(url) {
      try {
        const kept = await cache.match(url)
        if (kept === undefined) return null
        const header = (name: keyof Validators) => kept.headers.get(HEADERS[name])
        const validators = { etag: header('etag'), lastModified: header('lastModified'), length: header('length') }
        return { bytes: new Uint8Array(await kept.arrayBuffer()), validators }
      } catch {
        return null
      }
    },
    async put(url, bytes, validators) {
      const headers = Object.entries(validators).flatMap(([name, value]) =>
        value === null ? [] : [[HEADERS[name as keyof Validators], value] as [string, string]],
      )
      try {
        await cache.put(url, new Response(bytes as Uint8Array<ArrayBuffer>, { headers }))
        return true
      } catch {
        // Whatever the storage refuses, the model is here and can be used. Half a file must not stay.
        await cache.delete(url).catch(() => false)
        return false
      }
    },
  }
}
