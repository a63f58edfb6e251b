/** The studio as a client of the service: events, problems, and the facts of jobs. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { parseEvent, readEvents } from '#studio/backend/event-stream'
import { headerFacts } from '#studio/backend/http-backend'
import { HttpClient } from '#studio/backend/http-client'
import { runJob } from '#studio/backend/http-job'
import { HttpRuns } from '#studio/backend/http-runs'
import { problemOf, StudioProblem } from '#studio/core/problem'
import { httpServer } from '../support/http-server.js'
import { testService } from '../support/service.js'

const service = await testService()
const client = (base = service.url, token = '') => new HttpClient(base, () => token)

describe('server-sent events', () => {
  test('are parsed from blocks of lines, and comments are skipped', () => {
    assert.deepEqual(parseEvent('id: 3\nevent: step\ndata: {"of": 6}'), { id: '3', name: 'step', data: { of: 6 } })
    assert.equal(parseEvent(': connected'), null)
  })

  test('may arrive in pieces that end anywhere', async () => {
    const bytes = new TextEncoder().encode(': hello\n\nid: 1\nevent: a\ndata: "ä"\n\nid: 2\nevent: b\ndata: 2\n\n')
    for (const size of [1, 7, 1000]) {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.subarray(i, i + size))
          controller.close()
        },
      })
      const events: unknown[] = []
      for await (const { name, data } of readEvents(body)) events.push([name, data])
      assert.deepEqual(events, [
        ['a', 'ä'],
        ['b', 2],
      ])
    }
  })
})

describe('a stream of events', () => {
  test('ends if nothing comes for longer than the service is ever silent', async () => {
    const body = new ReadableStream<Uint8Array>({
      start: controller => controller.enqueue(new TextEncoder().encode('id: 1\nevent: a\ndata: 1\n\n')),
    })
    const names: string[] = []
    for await (const { name } of readEvents(body, 20)) names.push(name)
    assert.deepEqual(names, ['a'])
  })
})

describe('a broken connection', () => {
  /** A proxy that cuts each stream of events after its first event, and refuses the next two, and the first file. */
  async function cutting(): Promise<string> {
    let refusals = 0
    let isFirstFile = true
    const { url, close } = await httpServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const { method, headers, url } = request
      const isEvents = url!.includes('/events')
      if ((isEvents && refusals-- > 0) || (url!.includes('/files/') && isFirstFile)) {
        if (!isEvents) isFirstFile = false
        response.destroy()
        return
      }
      const answer = await fetch(service.url + url, {
        method: method!,
        headers: { prefer: String(headers['prefer'] ?? '') },
        ...(method === 'POST' ? { body: Buffer.concat(chunks) } : {}),
      })
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      if (!isEvents) {
        response.end(Buffer.from(await answer.arrayBuffer()))
        return
      }
      let text = ''
      for await (const chunk of answer.body!) {
        text += Buffer.from(chunk)
        const [first] = /id: [\s\S]*?\n\n/.exec(text) ?? []
        if (first === undefined) continue
        await new Promise(resolve => response.write(first, resolve))
        refusals = 2
        response.destroy()
        return
      }
      response.end()
    })
    after(close)
    return url
  }

  test('does not end a job: its events continue where they broke off, each time', async () => {
    const names: unknown[] = []
    const watch = {
      signal: new AbortController().signal,
      onFile: async ({ name }: { readonly name: string }, fetched: () => Promise<Response>) => {
        const sound = await (await fetched()).arrayBuffer()
        names.push(sound.byteLength > 1000 ? name : 'a part of a file')
      },
    }
    const query = { count: 8, seconds: 0.2, steps: 2 }
    await runJob(client(await cutting()), '/v1/generate', { query }, watch, 1)
    assert.deepEqual(
      names,
      Array.from({ length: 8 }, (_, i) => `clip-${i}.wav`),
    )
  })

  test('that is never restored ends a job with the problem', async () => {
    const { url, close } = await httpServer((request, response) => {
      if (request.method === 'POST') response.end('{"id": "1"}')
      else response.destroy()
    })
    after(close)
    const watch = { signal: new AbortController().signal }
    await assert.rejects(runJob(client(url), '/v1/generate', {}, watch, 1), { code: 'UNREACHABLE' })
  })
})

describe('the log of a run in the studio', () => {
  /** A service with a run whose events end after one line; it can be stopped and started again. */
  async function restarting() {
    let lines = 0
    const open = (port?: number) =>
      httpServer((request, response) => {
        if (!request.url!.includes('/events')) return void response.end('{"lines":[]}')
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(`event: metrics\ndata: {"step":${++lines}}\n\n`)
      }, port)
    const { url, port, close } = await open()
    return { url, close, again: () => open(port) }
  }

  test('continues after the service was unreachable for a while', async () => {
    const { url, close, again } = await restarting()
    const stop = new AbortController()
    const log = new HttpRuns(client(url), 20).metrics('voice', stop.signal)
    assert.deepEqual((await log.next()).value, [])
    assert.deepEqual((await log.next()).value, [{ step: 1 }])
    await close()
    const next = log.next()
    await new Promise(resolve => setTimeout(resolve, 100))
    const second = await again()
    after(second.close)
    assert.deepEqual((await next).value, [{ step: 2 }])
    const waiting = log.next()
    stop.abort()
    assert.ok((await waiting).done)
  })

  test('ends with the problem if the service stays unreachable', async () => {
    const { url, close } = await restarting()
    const log = new HttpRuns(client(url), 1).metrics('voice', new AbortController().signal)
    await log.next()
    await log.next()
    await close()
    await assert.rejects(log.next(), { code: 'UNREACHABLE' })
  })
})

describe('a problem in the studio', () => {
  test('keeps what the service says, except for hints that are for programs', async () => {
    await assert.rejects(client().json('/v1/models/nope/schedule'), (error: unknown) => {
      assert.ok(error instanceof StudioProblem)
      assert.equal(error.code, 'UNKNOWN_MODEL')
      assert.ok(error.expected && error.got)
      assert.equal(error.hint, undefined)
      return true
    })
    const full = { problem: 'The queue is full', hint: 'Try again after the seconds of Retry-After.', retryAfter: 3 }
    assert.equal(problemOf({ code: 'QUEUE_FULL', ...full })!.hint, 'Try again in 3 s.')
  })

  test('distinguishes a wrong token from an unreachable service', async () => {
    const closed = await testService({ token: 'open sesame'.replace(' ', '-') })
    await assert.rejects(client(closed.url).json('/v1/models'), { code: 'UNAUTHORIZED' })
    await client(closed.url, 'open-sesame').json('/v1/models')
    await closed.stop()
    await assert.rejects(client(closed.url).json('/v1/models'), { code: 'UNREACHABLE' })
  })

  test('is not made of other responses', () => {
    assert.equal(problemOf({ problem: 'no code' }), null)
    assert.equal(problemOf('text'), null)
  })

  test('is not made of work that was aborted', async () => {
    await assert.rejects(client().json('/v1/models', { signal: AbortSignal.abort() }), { name: 'AbortError' })
  })
})

describe('a response', () => {
  test('has the facts of its headers', () => {
    const headers = new Headers({
      'Diffwave-Sample-Rate': '22050',
      'Diffwave-Label': 'two',
      'Content-Type': 'audio/wav',
    })
    assert.deepEqual(headerFacts(headers), { sampleRate: 22_050, label: 'two' })
  })
})

test('a problem’s title is the problem and its place', () => {
  const clauses = { expected: '80', got: '64', hint: 'Take another model.' }
  const document = { code: 'BAD_MEL', detail: 'Wrong bands, expected 80, got 64 (a.npy)', problem: 'Wrong bands' }
  const problem = problemOf({ ...document, where: 'a.npy', ...clauses })!
  const { title, expected, got, hint } = problem
  assert.equal(title, 'Wrong bands (a.npy)')
  assert.deepEqual({ expected, got, hint }, clauses)
})
