/** Services with small models, which stop when the test file ends. */
import assert from 'node:assert/strict'
import { after } from 'node:test'
import type { JobView } from '#src/server/jobs/job'
import type { ServiceOptions } from '#src/server/options'
import { type Service, startService } from '#src/server/service'

export type { Service }

import { smallGenerator, smallVocoder } from './cli-inputs.js'

/** The models of `testService`, by name. */
export const smallModels: ReadonlyMap<string, string> = new Map([
  ['voice', smallVocoder],
  ['noise', smallGenerator],
])

/** A service on a free port. */
export async function testService(options: Partial<ServiceOptions> = {}): Promise<Service> {
  const service = await startService({ models: smallModels, port: 0, ...options })
  after(() => service.stop())
  return service
}

/** Sends bytes. */
export function post(
  service: Service,
  path: string,
  body: Uint8Array | string = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(service.url + path, { method: 'POST', body, headers })
}

/** Requests JSON. */
export async function getJson(service: Service, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(service.url + path)
  assert.equal(response.status, 200, path)
  return (await response.json()) as Record<string, unknown>
}

/** The problem document of a response, which must have this status and code. */
export async function problem(
  response: Response,
  status: number,
  code: string,
): Promise<Readonly<Record<string, unknown>>> {
  const text = await response.text()
  assert.equal(response.status, status, text)
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
  const document = JSON.parse(text) as Record<string, unknown>
  assert.equal(document['code'], code)
  assert.equal(document['status'], status)
  for (const name of ['title', 'detail', 'problem']) {
    const clause = document[name]
    assert.ok(typeof clause === 'string' && clause !== '', `${name} of ${text}`)
  }
  // The response must not reveal internals of the service.
  assert.doesNotMatch(text, /node_modules|\.js\b|\.ts\b|\bat \w+ \(|\/(work|home|tmp|usr|root)\//)
  return document
}

/** The server-sent events of a job, until it ends. */
export async function jobEvents(service: Service, id: string, after: number | string = 0) {
  const text = await (await fetch(`${service.url}/v1/jobs/${id}/events?after=${after}`)).text()
  return text
    .split('\n\n')
    .filter(block => block.startsWith('id:'))
    .map(block => {
      const [, number, name, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block)!
      return { id: Number(number), name: name!, data: JSON.parse(data!) as Record<string, unknown> }
    })
}

/** Submits a job and waits for its end. */
export async function finishedJob(service: Service, path: string, body: Uint8Array | string = ''): Promise<JobView> {
  const response = await post(service, path, body, { prefer: 'respond-async' })
  assert.equal(response.status, 202)
  const { id } = (await response.json()) as JobView
  await jobEvents(service, id)
  return (await getJson(service, `/v1/jobs/${id}`)) as unknown as JobView
}
