/** Makes one HTTP request. Redirects are followed, and refusals and stalls become errors of this package. */
import { DiffWaveError } from '../../core/errors.js'

/** Max number of redirects. Hubs need two. */
const MAX_REDIRECTS = 10

/** A failure after which another attempt may succeed. */
export class Interrupted extends Error {}

export interface RequestSettings {
  readonly headers: Readonly<Record<string, string>>
  /** Authorization header, sent only to the first host. */
  readonly authorization?: string | undefined
  readonly signal: AbortSignal
}

/**
 * Returns the response to a GET. Redirects are followed, but not from `https:` to `http:`. Only the first host receives
 * the authorization.
 *
 * @throws Interrupted for temporary failures; DiffWaveError `FILE_NOT_FOUND`, `NOT_READABLE`, `DOWNLOAD_FAILED`
 */
export async function request(url: URL, { headers, authorization, signal }: RequestSettings): Promise<Response> {
  let at = url
  for (let redirects = 0; ; redirects++) {
    const secret = authorization !== undefined && at.host === url.host ? { authorization } : {}
    const response = await fetch(at.href, { headers: { ...headers, ...secret }, redirect: 'manual', signal }).catch(
      error => {
        if (signal.aborted) throw error
        throw new Interrupted(reasonOf(error), { cause: error })
      },
    )
    if (response.status < 300 || response.status === 304 || response.status >= 400) return checked(response, at)
    await response.body?.cancel()
    const location = response.headers.get('location')
    const next = location !== null && URL.canParse(location, at.href) ? new URL(location, at.href) : null
    const isWeb = next !== null && /^https?:$/.test(next.protocol)
    if (!isWeb || (at.protocol === 'https:' && next.protocol === 'http:') || redirects === MAX_REDIRECTS) {
      throw new DiffWaveError('DOWNLOAD_FAILED', 'the server redirects to an address that is not allowed', {
        expected: `a URL of http or https, not less safe than the first, after at most ${MAX_REDIRECTS} redirects`,
        got: location ?? 'a redirect without a target',
        where: url.href,
      })
    }
    at = next
  }
}

async function checked(response: Response, at: URL): Promise<Response> {
  const { status } = response
  if (status === 200 || status === 206 || status === 416) return response
  await response.body?.cancel()
  if (status === 429 || status >= 500) throw new Interrupted(`the server answers ${status}`)
  const where = at.href
  if (status === 404 || status === 410) {
    throw new DiffWaveError('FILE_NOT_FOUND', 'the server has no such file', { got: `status ${status}`, where })
  }
  if (status === 401 || status === 403) {
    throw new DiffWaveError('NOT_READABLE', 'the server does not let us read the file', {
      got: `status ${status}`,
      where,
      hint: 'Private repositories of a hub need an access token: set HF_TOKEN.',
    })
  }
  throw new DiffWaveError('DOWNLOAD_FAILED', 'the server does not send the file', { got: `status ${status}`, where })
}

/** The reason of a failure in one line. `fetch` states it in the cause of its error. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error
    ? (cause.message || String((cause as { code?: unknown }).code)).split('\n')[0]!
    : String(cause)
}
