/** Requests to the service: addresses with options, the token, and refusals as `StudioProblem`. */
import { isAbort, problemOf, StudioProblem } from '../core/problem.js'

/** Values of options; those that are left out are not sent. */
export type Query = Readonly<Record<string, string | number | undefined>>

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly query?: Query
  readonly body?: Uint8Array<ArrayBuffer> | undefined
  /** Whether the work is to become a job. */
  readonly asJob?: boolean
  readonly signal?: AbortSignal | undefined
}

function address(path: string, query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? path : `${path}?${text}`
}

async function refusal(response: Response): Promise<StudioProblem> {
  const document: unknown = await response.json().catch(() => null)
  return (
    problemOf(document) ??
    new StudioProblem({
      code: String(response.status),
      title: `The service answered with status ${response.status}.`,
      hint: 'A proxy in front of it may have refused the request.',
    })
  )
}

function unreachable(): StudioProblem {
  return new StudioProblem({
    code: 'UNREACHABLE',
    title: 'The service cannot be reached.',
    hint: 'If `diffwave studio` has ended, start it again.',
  })
}

/** The bytes of an answer. @throws StudioProblem if it breaks off */
export async function bytesOf(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await response.arrayBuffer())
  } catch (error) {
    throw isAbort(error) ? error : unreachable()
  }
}

export class HttpClient {
  readonly #base: string
  readonly #token: () => string

  /** @param base address of the service, without a slash at its end @param token the token to send; '' for none */
  constructor(base: string, token: () => string) {
    this.#base = base
    this.#token = token
  }

  /** @throws StudioProblem if the service refuses or cannot be reached */
  async send(path: string, { method = 'GET', query = {}, body, asJob = false, signal }: HttpRequest = {}) {
    const token = this.#token()
    const headers = {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(asJob ? { prefer: 'respond-async' } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/octet-stream' }),
    }
    let response: Response
    try {
      response = await fetch(this.#base + address(path, query), {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (error) {
      if (signal?.aborted) throw error
      throw unreachable()
    }
    if (!response.ok) throw await refusal(response)
    return response
  }

  async json<Value>(path: string, request: HttpRequest = {}): Promise<Value> {
    return (await (await this.send(path, request)).json()) as Value
  }
}
