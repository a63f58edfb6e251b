/** Jobs, which continue without their client. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { DiffWaveError } from '#src/core/errors'
import type { JobView } from '#src/server/jobs/job'
import { JobRecord } from '#src/server/jobs/job-record'
import { MemoryJobs } from '#src/server/jobs/memory-jobs'
import { defaultLimits, MAX_JOB_EVENTS, MAX_JOBS } from '#src/server/limits'
import type { OperationRun, OperationTools } from '#src/server/operations/operation'
import type { Order } from '#src/server/operations/run-operation'
import { WorkQueue } from '#src/server/queue'
import { npyMel } from '../support/cli-inputs.js'
import { quickVocoder } from '../support/quick-vocoder.js'
import {
  finishedJob,
  getJson,
  jobEvents,
  post,
  problem,
  type Service,
  smallModels,
  testService,
} from '../support/service.js'

const service = await testService({ models: new Map([...smallModels, ['quick', await quickVocoder()]]) })
const ASYNC = { prefer: 'respond-async' }
const submit = async (to: Service, path: string, body: Uint8Array | string = '') =>
  (await (await post(to, path, body, ASYNC)).json()) as JobView

describe('a job', () => {
  test('is accepted at once, with the address of its state', async () => {
    const response = await post(service, '/v1/vocode?seed=1', npyMel(8), { prefer: 'wait=10, respond-async' })
    assert.equal(response.status, 202)
    assert.equal(response.headers.get('preference-applied'), 'respond-async')
    const job = (await response.json()) as JobView
    assert.equal(response.headers.get('location'), `/v1/jobs/${job.id}`)
    assert.ok(['queued', 'running'].includes(job.state))
  })

  test('has the same result as a request that waits', async () => {
    const job = await finishedJob(service, '/v1/vocode?seed=1', npyMel(8))
    const result = await fetch(`${service.url}/v1/jobs/${job.id}/result`)
    const direct = await post(service, '/v1/vocode?seed=1', npyMel(8))
    assert.deepEqual(await result.arrayBuffer(), await direct.arrayBuffer())
    assert.equal(result.headers.get('diffwave-seed'), '1')
  })

  test('sends its events in order, and the rest of them after a reconnection', { timeout: 20_000 }, async () => {
    const { id } = await finishedJob(service, '/v1/vocode?seed=1', npyMel(120))
    const events = await jobEvents(service, id)
    assert.ok(events.every((event, i) => i === 0 || event.id > events[i - 1]!.id))
    assert.deepEqual([events[0]!.name, events[0]!.data['state']], ['state', 'running'])
    assert.deepEqual([events.at(-1)!.name, events.at(-1)!.data['state']], ['state', 'done'])
    const shares = events.filter(({ name }) => name === 'progress').map(({ data }) => data['progress'] as number)
    assert.ok(shares.every((share, i) => share >= 0 && share <= 1 && (i === 0 || share >= shares[i - 1]!)))
    const later = await jobEvents(service, id, events[0]!.id)
    assert.deepEqual(later, events.slice(1))
    assert.deepEqual(await jobEvents(service, id, 'the-first'), events)
  })

  test('tells a reader who knows all of its events that none follows', async () => {
    const { id } = await finishedJob(service, '/v1/vocode?seed=1', npyMel(8))
    const last = (await jobEvents(service, id)).at(-1)!.id
    const at = `${service.url}/v1/jobs/${id}/events`
    const status = async (known: number) => (await fetch(at, { headers: { 'last-event-id': String(known) } })).status
    assert.deepEqual([await status(last), await status(last - 1)], [204, 200])
  })

  test('can be cancelled while it runs, and while it waits for its turn, and is then removed', async () => {
    const busy = await testService({ limits: { parallel: 1 } })
    const first = await submit(busy, '/v1/generate', '{"seconds": 60, "steps": 500}')
    const second = await submit(busy, '/v1/generate', '{"seconds": 60, "steps": 500}')
    assert.equal((await getJson(busy, `/v1/jobs/${second.id}`))['state'], 'queued')
    await problem(await fetch(`${busy.url}/v1/jobs/${first.id}/result`), 409, 'NOT_READY')
    const watched = jobEvents(busy, second.id)
    for (const { id } of [second, first]) {
      const removed = await fetch(`${busy.url}/v1/jobs/${id}`, { method: 'DELETE' })
      assert.equal(((await removed.json()) as JobView).state, 'cancelled')
      await problem(await fetch(`${busy.url}/v1/jobs/${id}`), 404, 'UNKNOWN_JOB')
    }
    assert.equal((await watched).at(-1)!.data['state'], 'cancelled')
  })

  test('has a problem document if it fails', async () => {
    const job = await finishedJob(service, '/v1/vocode', 'this is no mel')
    assert.equal(job.state, 'failed')
    assert.equal(job.problem!.code, 'UNSUPPORTED_FORMAT')
    await problem(await fetch(`${service.url}/v1/jobs/${job.id}/result`), 404, 'NOT_FOUND')
  })

  test('is refused at once if its options are wrong', async () => {
    await problem(await post(service, '/v1/vocode?stepz=1', npyMel(4), ASYNC), 400, 'BAD_OPTION')
    await problem(await post(service, '/v1/vocode', '', ASYNC), 422, 'TRUNCATED')
  })

  test('that does not exist is UNKNOWN_JOB, whatever its name', async () => {
    for (const id of ['x', '..', '%2e%2e', '__proto__', 'constructor', 'a'.repeat(150), '%00']) {
      const response = await fetch(`${service.url}/v1/jobs/${id}/files/x`)
      await problem(response, 404, id === '..' || id === '%2e%2e' ? 'NOT_FOUND' : 'UNKNOWN_JOB')
    }
  })
})

describe('the events of a job', () => {
  const never = new AbortController().signal
  const record = () => new JobRecord('id', 'vocode', Date.now, () => {})

  test('reach a slow reader up to the last, also if the job ends while it reads', async () => {
    const job = record()
    job.event('note', {})
    const names: string[] = []
    for await (const { name } of job.events(0, never)) {
      names.push(name)
      if (names.length === 1) job.setState('done')
    }
    assert.deepEqual(names, ['note', 'state'])
  })

  test('have the latest progress only, and none after the end', async () => {
    let now = 0
    const job = new JobRecord(
      'id',
      'vocode',
      () => now,
      () => {},
    )
    for (const share of [0.1, 0.2, 0.3]) {
      now += 1000
      job.setProgress(share)
    }
    // A tenth of a second is too soon for another.
    now += 99
    job.setProgress(0.4)
    job.setState('cancelled')
    job.setState('done')
    const told: unknown[] = []
    for await (const { id, name, data } of job.events(0, never)) told.push([id, name, data['progress'], data['state']])
    assert.deepEqual(told, [
      [3, 'progress', 0.3, undefined],
      [4, 'state', 0.4, 'cancelled'],
    ])
  })

  test('end with ABORTED for a reader who leaves, now or before', async () => {
    const leave = new AbortController()
    const [waiting, late] = [record().events(0, leave.signal), record().events(0, leave.signal)]
    const next = waiting.next()
    leave.abort()
    for (const read of [next, late.next()]) await assert.rejects(read, { code: 'ABORTED' })
  })

  test('and its view name a file once it is complete', async () => {
    const job = record()
    const names = () => job.view().files.map(({ name, bytes }) => [name, bytes])
    for (const name of ['first', 'second']) {
      job.open({ name, type: 'audio/wav', bytes: null, facts: {} })
      await job.write(new Uint8Array(2))
    }
    assert.deepEqual([names(), job.file('second')], [[['first', 2]], undefined])
    job.setState('done')
    const both = [
      ['first', 2],
      ['second', 2],
    ]
    assert.deepEqual(names(), both)
    const told: unknown[] = []
    for await (const { name, data } of job.events(0, never)) {
      if (name === 'file') told.push([data['name'], data['bytes']])
    }
    assert.deepEqual(told, both)
  })

  test('name no file that was cut off, which its job does not keep either', async () => {
    const job = record()
    for (const [name, bytes, written] of [
      ['whole', null, 2],
      ['told', 3, 3],
      ['open', null, 4],
    ] as const) {
      job.open({ name, type: 'audio/wav', bytes, facts: {} })
      await job.write(new Uint8Array(written))
    }
    job.setState('failed')
    assert.deepEqual(
      [job.view().files.map(({ name }) => name), job.file('open'), job.bytes],
      [['whole', 'told'], undefined, 5],
    )
    const told: unknown[] = []
    for await (const { name, data } of job.events(0, never)) if (name === 'file') told.push(data['name'])
    assert.deepEqual(told, ['whole', 'told'])
    const stopped = record()
    stopped.open({ name: 'told', type: 'audio/wav', bytes: 3, facts: {} })
    await stopped.write(new Uint8Array(3))
    stopped.setState('cancelled')
    assert.equal(stopped.file('told')!.file.bytes, 3)
  })

  test('are the latest ones only, if they are many', async () => {
    const job = record()
    const many = MAX_JOB_EVENTS + 10
    for (let i = 0; i < many; i++) job.event('note', {})
    job.setState('done')
    const ids: number[] = []
    for await (const { id } of job.events(0, never)) ids.push(id)
    assert.deepEqual([ids.length, ids[0], ids.at(-1)], [MAX_JOB_EVENTS, 12, many + 1])
  })
})

/** An operation that does what a test says. */
const operation = (run: (tools: OperationRun<unknown>) => Promise<void>) =>
  ({ operation: { name: 'stub', run }, options: {}, body: new Uint8Array(3) }) as unknown as Order
const file = (name: string) => ({ name, type: 'audio/wav', bytes: null, facts: {} })
/** Makes files of these sizes. */
const making = (...sizes: readonly number[]) =>
  operation(async ({ output }) => {
    for (const [i, size] of sizes.entries()) {
      output.open(file(String(i)))
      await output.write(new Uint8Array(size))
    }
  })

describe('jobs in memory', () => {
  const never = new AbortController().signal
  /** Goes on until it is stopped. */
  const endless = operation(
    ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new DiffWaveError('ABORTED', 'stopped')))
      }),
  )

  function store(places = { parallel: 4, queue: 5000, perClient: 5000 }) {
    const seen = { now: 1000, bodies: 0, faults: [] as unknown[] }
    const jobs = new MemoryJobs({
      queue: new WorkQueue(places, () => 0),
      tools: { limits: { ...defaultLimits, resultBytes: 100, resultSeconds: 10, workSeconds: 20 } } as OperationTools,
      clock: () => seen.now,
      keepBody: body => {
        seen.bodies += body.length
        return () => {
          seen.bodies -= body.length
        }
      },
      onFault: (error, id) => seen.faults.push([error, id]),
    })
    const ended = async (order: Order) => {
      const { id } = await jobs.submit(order, 'client')
      for await (const _ of jobs.events(id, 0, never));
      return jobs.view(id)
    }
    const isKnown = ({ id }: JobView) =>
      jobs.view(id).then(
        () => true,
        () => false,
      )
    return { seen, jobs, ended, isKnown }
  }

  test('tell their times and progress, and are forgotten some time after their end', async () => {
    const { seen, jobs, ended, isKnown } = store()
    const running = await jobs.submit(endless, 'client')
    const done = await ended(
      operation(async ({ onProgress }) => {
        seen.now = 2000
        await onProgress({ done: 1, total: null })
      }),
    )
    const time = (milliseconds: number) => new Date(milliseconds).toISOString()
    const { created, started, finished, progress } = done
    assert.deepEqual([created, started, finished, progress], [time(1000), time(1000), time(2000), 1])
    const told: unknown[] = []
    for await (const { name, data } of jobs.events(done.id, 0, never)) told.push([name, data['progress']])
    assert.deepEqual(told, [
      ['state', 0],
      ['progress', 0],
      ['state', 1],
    ])
    seen.now = 11_999
    assert.ok(await isKnown(done))
    seen.now = 12_000
    assert.deepEqual([await isKnown(done), await isKnown(running)], [false, true])
    assert.deepEqual(await jobs.counts(), { queued: 0, running: 1 })
    await jobs.close(AbortSignal.abort())
  })

  test('give room to newer results, the oldest first, but not while they run', async () => {
    const { jobs, ended, isKnown } = store()
    const [go, wrote] = [new EventEmitter(), new EventEmitter()]
    const [going, written] = [once(go, 'go'), once(wrote, 'wrote')]
    const slow = await jobs.submit(
      operation(async ({ output }) => {
        output.open(file('slow'))
        await output.write(new Uint8Array(10))
        wrote.emit('wrote')
        await going
      }),
      'client',
    )
    await written
    const [first, second] = [await ended(making(20, 20)), await ended(making(30))]
    // 10 + 40 + 30 + 20 bytes just fit.
    const third = await ended(making(20))
    assert.deepEqual(await Promise.all([slow, first, second, third].map(isKnown)), [true, true, true, true])
    const fourth = await ended(making(1))
    assert.deepEqual(await Promise.all([slow, first, second, third, fourth].map(isKnown)), [
      true,
      false,
      true,
      true,
      true,
    ])
    // A result that cannot fit takes no other's place, whether its bytes come or only its size is told.
    const told = operation(async ({ output }) => output.open({ ...file('told'), bytes: 91 }))
    for (const large of [making(91), told]) {
      const { state, problem } = await ended(large)
      assert.deepEqual([state, problem!.code], ['failed', 'TOO_LARGE'])
    }
    assert.deepEqual(await Promise.all([second, third].map(isKnown)), [true, true])
    const removed = await jobs.remove(third.id)
    assert.deepEqual([removed.state, removed.files], ['done', []])
    const large = await ended(making(91))
    assert.deepEqual([large.state, large.problem!.code, large.problem!.got], ['failed', 'TOO_LARGE', '101'])
    go.emit('go')
    for await (const _ of jobs.events(slow.id, 0, never));
    assert.equal((await jobs.file(slow.id, 'slow')).file.bytes, 10)
    await assert.rejects(jobs.file(slow.id, 'other'), {
      code: 'NOT_FOUND',
      expected: 'one of slow',
      got: 'other',
    })
  })

  test('are no more than a number, of which the oldest that ended is forgotten', async () => {
    const { jobs, ended, isKnown } = store()
    const running = await jobs.submit(endless, 'client')
    const [first, second] = [await ended(making()), await ended(making())]
    for (let i = 3; i < MAX_JOBS; i++) await jobs.submit(making(), 'client')
    assert.ok(await isKnown(running))
    await jobs.submit(making(), 'client')
    assert.deepEqual(await Promise.all([running, first, second].map(isKnown)), [true, false, true])
    await jobs.close(AbortSignal.abort())
  })

  test('are refused and not kept if there is no place', async () => {
    const { jobs } = store({ parallel: 1, queue: 1, perClient: 9 })
    for (let i = 0; i < 2; i++) await jobs.submit(endless, 'client')
    await assert.rejects(jobs.submit(endless, 'client'), { code: 'QUEUE_FULL' })
    assert.deepEqual(await jobs.counts(), { queued: 1, running: 1 })
    await jobs.close(AbortSignal.abort())
  })

  test('report faults of the service for its log, and only those', async () => {
    const { seen, jobs, ended } = store()
    const failing = (error: Error) => ended(operation(() => Promise.reject(error)))
    const refused = await failing(new DiffWaveError('BAD_MEL', 'no mel'))
    assert.deepEqual([refused.problem!.code, seen.faults], ['BAD_MEL', []])
    const fault = new TypeError('a fault')
    const { id, state } = await failing(fault)
    assert.deepEqual([state, seen.faults], ['failed', [[fault, id]]])
    await assert.rejects(jobs.file(id, 'x'), { got: 'x', hint: /state of the job is failed/ })
    assert.equal(seen.bodies, 0)
  })

  test('end as cancelled when they are removed, or when the time to close is over', async () => {
    const { seen, jobs } = store()
    const submitted: JobView[] = []
    for (let i = 0; i < 5; i++) submitted.push(await jobs.submit(endless, 'client'))
    assert.deepEqual(await jobs.counts(), { queued: 1, running: 4 })
    const events = submitted.map(({ id }) => jobs.events(id, 0, never))
    await jobs.remove(submitted[0]!.id)
    const late = new AbortController()
    let closed = false
    const closing = jobs.close(late.signal).then(() => {
      closed = true
    })
    await setImmediate()
    assert.deepEqual([closed, seen.bodies], [false, 12])
    late.abort()
    await closing
    assert.equal(seen.bodies, 0)
    for (const each of events) {
      const states: unknown[] = []
      for await (const { data } of each) states.push(data['state'])
      assert.equal(states.at(-1), 'cancelled')
    }
  })
})

describe('the result of a job', () => {
  test('is not copied for each of its readers', async () => {
    const { id } = await finishedJob(service, '/v1/vocode?model=quick&steps=1&format=32f', npyMel(4000))
    const before = process.memoryUsage().arrayBuffers
    const leave = new AbortController()
    const readers = Array.from({ length: 32 }, () =>
      fetch(`${service.url}/v1/jobs/${id}/result`, { signal: leave.signal }),
    )
    // Nobody reads the bodies, of 4 MB each.
    for (const { headers } of await Promise.all(readers)) assert.equal(headers.get('content-length'), '4096044')
    assert.ok(process.memoryUsage().arrayBuffers - before < 50e6)
    leave.abort()
  })

  test('is removed when its time is over', async () => {
    const brief = await testService({ limits: { resultSeconds: 0.2 } })
    const { id } = await submit(brief, '/v1/generate?seconds=0.05&steps=1')
    await jobEvents(brief, id)
    await new Promise(resolve => setTimeout(resolve, 300))
    await problem(await fetch(`${brief.url}/v1/jobs/${id}`), 404, 'UNKNOWN_JOB')
  })

  test('is removed if newer ones need the room, and fails its job if it is too large on its own', async () => {
    const small = await testService({ limits: { resultBytes: 20_000 } })
    // 13 kB.
    const first = await finishedJob(small, '/v1/generate?seconds=0.3&steps=1')
    const second = await finishedJob(small, '/v1/generate?seconds=0.3&steps=1')
    assert.deepEqual([first.state, second.state], ['done', 'done'])
    await problem(await fetch(`${small.url}/v1/jobs/${first.id}`), 404, 'UNKNOWN_JOB')
    assert.equal((await fetch(`${small.url}/v1/jobs/${second.id}/result`)).status, 200)
    assert.equal((await finishedJob(small, '/v1/generate?seconds=0.6&steps=1')).problem?.code, 'TOO_LARGE')
  })
})
