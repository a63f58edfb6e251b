/** Jobs on workers: the same API as jobs in memory, by way of a real Redis server. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { JobView } from '#src/server/jobs/job'
import { defaultLimits, MAX_REDIS_FILE_BYTES } from '#src/server/limits'
import type { OperationTools } from '#src/server/operations/operation'
import { Claim } from '#src/server/redis/claim'
import { JobStore, runScript } from '#src/server/redis/job-store'
import { RedisJobs } from '#src/server/redis/redis-jobs'
import { INDEX_KEY, JOB_KEY, PRESENT, SHOW, TELL } from '#src/server/redis/scripts'
import { startWorker, type Worker } from '#src/server/redis/worker'
import type { WorkerOptions } from '#src/server/redis/worker-options'
import { npyMel, smallVocoder } from '../../support/cli-inputs.js'
import { noRedis, redisServer } from '../../support/redis.js'
import { finishedJob, getJson, jobEvents, post, problem, smallModels, testService } from '../../support/service.js'
import { range } from '../../support/sounds.js'

const ASYNC = { prefer: 'respond-async' }
/** Jobs that only have to go on take one core, and those that are handed on come back soon. */
const QUICK = { threads: 1, lockSeconds: 5 }
/** Takes minutes: to be cancelled. */
const LONG = '{"seconds": 60, "steps": 1000}'

// At the top of the file, so that it ends with the file.
const redis = noRedis === false ? await redisServer() : { url: '' }

describe('a job on workers', { skip: noRedis }, () => {
  const client = new Redis(redis.url, { lazyConnect: true })
  const running: Worker[] = []

  after(async () => {
    for (const worker of running) await worker.stop()
    client.disconnect()
  })

  const worker = async (options: Partial<WorkerOptions> = {}) => {
    const started = await startWorker({ redis: redis.url, models: smallModels, drainSeconds: 0, ...QUICK, ...options })
    running.push(started)
    return started
  }
  /** A worker without the models that jobs ask for. */
  const otherWorker = () => worker({ models: new Map([['other', smallVocoder]]) })
  /** A service, and on request workers, that share an empty server. */
  const shared = async ({ workers = 1, limits = {} } = {}) => {
    for (const other of running.splice(0)) await other.stop()
    await client.flushall()
    const service = await testService({ redis: redis.url, limits })
    for (let i = 0; i < workers; i++) await worker()
    const submit = async (path: string, body: Uint8Array | string = '') => {
      const response = await post(service, path, body, ASYNC)
      assert.equal(response.status, 202, await response.clone().text())
      return (await response.json()) as JobView
    }
    const state = async ({ id }: JobView) => (await getJson(service, `/v1/jobs/${id}`))['state']
    const until = async (job: JobView, wanted: string) => {
      for (let i = 0; (await state(job)) !== wanted; i++) {
        assert.ok(i < 300, `the job is not ${wanted}`)
        await setTimeout(50)
      }
    }
    const remove = ({ id }: JobView) => fetch(`${service.url}/v1/jobs/${id}`, { method: 'DELETE' })
    return { service, submit, state, until, remove }
  }

  test('has the bytes, the headers and the events of a job in memory', async () => {
    const { service } = await shared()
    const [remote, local] = [service, await testService()]
    const mel = npyMel(60)
    const seen = []
    for (const at of [remote, local]) {
      const job = await finishedJob(at, '/v1/vocode?seed=1', mel)
      const result = await fetch(`${at.url}/v1/jobs/${job.id}/result`)
      const facts = [...result.headers].filter(([name]) => name.startsWith('diffwave-'))
      const names = (await jobEvents(at, job.id)).map(({ name }) => name).filter(name => name !== 'progress')
      seen.push({ bytes: await result.arrayBuffer(), facts, names, state: job.state })
    }
    assert.deepEqual(seen[0], seen[1])
  })

  test('has every file and step of the reverse process', async () => {
    const { service } = await shared()
    const job = await finishedJob(service, '/v1/process?seed=2&steps=3', npyMel(20))
    assert.equal(job.files.length, 1 + 3 * 3 + 1)
    const events = await jobEvents(service, job.id)
    assert.equal(events.filter(({ name }) => name === 'step').length, 3)
    assert.deepEqual(await jobEvents(service, job.id, events[2]!.id), events.slice(3))
    const known = { 'last-event-id': String(events.at(-1)!.id) }
    assert.equal((await fetch(`${service.url}/v1/jobs/${job.id}/events`, { headers: known })).status, 204)
    for (const { name, bytes } of job.files) {
      const file = await fetch(`${service.url}/v1/jobs/${job.id}/files/${name}`)
      assert.equal((await file.arrayBuffer()).byteLength, bytes, name)
    }
  })

  test('has a seed before a worker takes it, so that every worker makes the same bytes', async () => {
    const { submit } = await shared({ workers: 0 })
    const { id } = await submit('/v1/vocode', npyMel(4))
    const { options } = JSON.parse((await client.hget(JOB_KEY + id, 'order'))!)
    assert.ok(Number.isSafeInteger(options.seed))
    assert.equal(options.model, 'voice')
  })

  test('waits for a worker, even beyond the end of its service', async () => {
    const first = await shared({ workers: 0 })
    const job = await first.submit('/v1/vocode?seed=1', npyMel(4))
    assert.equal(job.state, 'queued')
    await first.service.stop()
    const second = await testService({ redis: redis.url })
    await worker()
    await jobEvents(second, job.id)
    assert.equal((await getJson(second, `/v1/jobs/${job.id}`))['state'], 'done')
  })

  test('can be cancelled before and while it runs, and is then removed', async () => {
    const { service, submit, until, remove } = await shared()
    const first = await submit('/v1/generate', LONG)
    await until(first, 'running')
    const waiting = await submit('/v1/generate', LONG)
    const watched = jobEvents(service, first.id)
    for (const job of [waiting, first]) {
      assert.equal(((await (await remove(job)).json()) as JobView).state, 'cancelled')
      await problem(await fetch(`${service.url}/v1/jobs/${job.id}`), 404, 'UNKNOWN_JOB')
      await problem(await remove(job), 404, 'UNKNOWN_JOB')
    }
    assert.equal((await watched).at(-1)!.data['state'], 'cancelled')
    // The only worker is free again.
    assert.equal((await finishedJob(service, '/v1/vocode', npyMel(4))).state, 'done')
  })

  test('has a problem document if it fails', async () => {
    const { service } = await shared()
    const job = await finishedJob(service, '/v1/vocode', 'not a mel')
    assert.deepEqual([job.state, job.problem!.code], ['failed', 'UNSUPPORTED_FORMAT'])
    await problem(await fetch(`${service.url}/v1/jobs/${job.id}/result`), 404, 'NOT_FOUND')
  })

  test('has no result before it is done, and an unknown one is UNKNOWN_JOB', async () => {
    const { service, submit } = await shared({ workers: 0 })
    const { id } = await submit('/v1/vocode', npyMel(4))
    await problem(await fetch(`${service.url}/v1/jobs/${id}/result`), 409, 'NOT_READY')
    for (const other of ['x', '__proto__', '*', '%7B%7D', 'a'.repeat(150), '%00', `${id}:body`]) {
      for (const part of ['', '/events', '/files/x', '/result']) {
        await problem(await fetch(`${service.url}/v1/jobs/${other}${part}`), 404, 'UNKNOWN_JOB')
      }
    }
  })

  test('is refused if too many wait, or if one client has too many', async () => {
    const few = await shared({ workers: 0, limits: { queue: 2 } })
    for (let i = 0; i < 2; i++) await few.submit('/v1/generate', LONG)
    await problem(await post(few.service, '/v1/generate', LONG, ASYNC), 429, 'QUEUE_FULL')
    const one = await shared({ workers: 0, limits: { perClient: 1 } })
    await one.submit('/v1/generate', LONG)
    const refused = await post(one.service, '/v1/generate', LONG, ASYNC)
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    await problem(refused, 429, 'TOO_MANY_REQUESTS')
  })

  test('is removed if newer results need the room, oldest first', async () => {
    const { service } = await shared({ limits: { resultBytes: 60_000 } })
    const first = await finishedJob(service, '/v1/vocode', npyMel(40))
    await finishedJob(service, '/v1/vocode', npyMel(40))
    const third = await finishedJob(service, '/v1/vocode', npyMel(40))
    await problem(await fetch(`${service.url}/v1/jobs/${first.id}`), 404, 'UNKNOWN_JOB')
    assert.equal((await fetch(`${service.url}/v1/jobs/${third.id}/result`)).status, 200)
  })

  test('fails if its result is too large, and is refused if its body is', async () => {
    const { service } = await shared({ limits: { resultBytes: 10_000 } })
    const job = await finishedJob(service, '/v1/generate', '{"seconds": 4, "steps": 1}')
    assert.equal(job.problem?.code, 'TOO_LARGE')
    await problem(await post(service, '/v1/vocode', npyMel(40), ASYNC), 429, 'QUEUE_FULL')
  })

  test('leaves nothing in Redis once its time is over', async () => {
    // Long enough to be asked for once on a busy machine.
    const { service } = await shared({ limits: { resultSeconds: 3 } })
    const { id } = await finishedJob(service, '/v1/vocode', npyMel(4))
    await setTimeout(3200)
    await problem(await fetch(`${service.url}/v1/jobs/${id}`), 404, 'UNKNOWN_JOB')
    assert.deepEqual(await client.keys(`${JOB_KEY}*`), [])
    await finishedJob(service, '/v1/vocode', npyMel(4))
    const keys = await client.keys(`${JOB_KEY}*`)
    assert.ok(keys.length > 0)
    for (const key of keys) assert.ok((await client.ttl(key)) >= 0, `${key} never expires`)
  })

  test('is handed on by workers without its model, and fails if none has it', async () => {
    const { service, submit, until } = await shared({ workers: 0 })
    await otherWorker()
    const job = await submit('/v1/vocode?seed=1', npyMel(4))
    await setTimeout(1000)
    await worker()
    await until(job, 'done')
    for (const other of running.splice(0)) await other.stop()
    const { id } = await submit('/v1/vocode', npyMel(4))
    await client.hset(JOB_KEY + id, 'refusals', 4)
    await otherWorker()
    await jobEvents(service, id)
    const failed = (await getJson(service, `/v1/jobs/${id}`)) as unknown as JobView
    assert.deepEqual([failed.state, failed.problem!.code], ['failed', 'NO_WORKER'])
  })

  test('waits for the only worker with its model, however long that is busy', async () => {
    const { submit, state, until, remove } = await shared({ workers: 0 })
    await worker()
    const busy = await submit('/v1/generate', LONG)
    await until(busy, 'running')
    await otherWorker()
    const job = await submit('/v1/vocode?seed=1', npyMel(4))
    await client.hset(JOB_KEY + job.id, 'passes', 100, 'refusals', 100)
    const passes = async () => Number(await client.hget(JOB_KEY + job.id, 'passes'))
    for (let i = 0; (await passes()) < 103; i++) {
      assert.ok(i < 300, 'nobody has handed it on')
      await setTimeout(50)
    }
    assert.notEqual(await state(job), 'failed')
    await remove(busy)
    await until(job, 'done')
  })

  test('reaches the worker with its model, although others ask first', async () => {
    const { submit, until } = await shared({ workers: 0 })
    for (let i = 0; i < 4; i++) await otherWorker()
    const job = await submit('/v1/vocode?seed=1', npyMel(4))
    await until(job, 'queued')
    await worker()
    await until(job, 'done')
    const passes = Number(await client.hget(JOB_KEY + job.id, 'passes'))
    assert.ok(passes <= 16, `handed on ${passes} times`)
  })

  test('sends no events to watchers while it is handed on', async () => {
    const { service, submit, until } = await shared({ workers: 0 })
    await otherWorker()
    const job = await submit('/v1/vocode?seed=1', npyMel(4))
    await setTimeout(300)
    await worker()
    await until(job, 'done')
    const states = (await jobEvents(service, job.id)).filter(({ name }) => name === 'state')
    assert.deepEqual(
      states.map(({ data }) => data['state']),
      ['running', 'done'],
    )
  })

  test('of an unknown kind or version fails with a hint to update the workers', async () => {
    const { service, submit } = await shared({ workers: 0 })
    const changes = [{ format: 1 }, { operation: 'sing' }, { options: { unheardOf: 1 } }, { limits: null }]
    const jobs: JobView[] = []
    for (const change of changes) {
      const job = await submit('/v1/vocode', npyMel(4))
      const order = JSON.parse((await client.hget(JOB_KEY + job.id, 'order'))!)
      await client.hset(JOB_KEY + job.id, 'order', JSON.stringify({ ...order, ...change }), 'refusals', 5)
      jobs.push(job)
    }
    await worker()
    for (const { id } of jobs) {
      await jobEvents(service, id)
      const { problem } = (await getJson(service, `/v1/jobs/${id}`)) as unknown as JobView
      assert.equal(problem?.code, 'NO_WORKER')
      assert.match(problem.hint!, /Update the workers/)
    }
  })

  test('that kills its workers fails after some attempts', async () => {
    const { service, submit, until } = await shared({ workers: 0 })
    const { id } = await submit('/v1/vocode', npyMel(4))
    await client.hset(JOB_KEY + id, 'attempt', 3)
    const last = await submit('/v1/vocode', npyMel(4))
    await client.hset(JOB_KEY + last.id, 'attempt', 2)
    await worker()
    await until(last, 'done')
    await jobEvents(service, id)
    assert.equal(((await getJson(service, `/v1/jobs/${id}`)) as unknown as JobView).problem?.code, 'WORKER_LOST')
  })
})

describe('the record of a job in Redis', { skip: noRedis }, () => {
  const client = new Redis(redis.url, { lazyConnect: true })
  after(() => client.disconnect())
  const ids = range(0, 6).map(i => `00000000-0000-4000-8000-00000000000${i}`)
  const bounds = { resultBytes: 1000, resultSeconds: 10 }
  const bytes = (count: number) => new Uint8Array(count)
  const file = (name: string, bytes: number) => ({ name, type: 'audio/wav', bytes, facts: {} })
  const lost = { name: 'ClaimLost' }

  async function empty() {
    await client.flushall()
    const time = { now: 5000 }
    const store = new JobStore(client, { ...defaultLimits, ...bounds, perClient: 2, queue: 3 }, () => time.now)
    const admit = async (i: number, body = 10, client = 'c c') => {
      await store.admit({ id: ids[i]!, kind: 'vocode', client, order: '{}', body: bytes(body) })
      await store.confirm(ids[i]!)
    }
    const claim = async (i: number) => (await Claim.take(client, ids[i]!, () => time.now))!
    /** State and bytes in the index. */
    const noted = async (i: number) => {
      const entry = await client.hget(INDEX_KEY, ids[i]!)
      return entry?.replace(/^(\w+) \d+ (\d+) c c$/, '$1 $2')
    }
    return { time, store, admit, claim, noted }
  }

  test('counts the bytes of its only holder, once', async () => {
    const { time, store, admit, claim, noted } = await empty()
    await admit(0)
    assert.equal(await noted(0), 'waiting 10')
    const first = await claim(0)
    await first.begin()
    // Writes can be sent twice.
    for (const count of [20, 20, 25, 20]) await first.write(0, 0, bytes(count), bounds)
    assert.equal(await noted(0), 'running 35')
    await first.tell('step', {})
    for (const share of [0.5, 0.6]) await first.progress(share)
    await runScript(client, TELL, [ids[0]!, 1, 5000, 4, 'step', '{}', 1000, '', JSON.stringify(file('again', 1))])
    const { events, over } = await store.poll(ids[0]!, 0)
    assert.deepEqual(
      events.map(({ id, name, data }) => [id, name, data['progress']]),
      [
        [1, 'state', 0],
        [2, 'step', undefined],
        [4, 'progress', 0.6],
      ],
    )
    assert.equal(over, false)
    const running = await store.view(ids[0]!)
    assert.deepEqual([running.progress, running.files], [0.6, []])

    time.now = 6000
    const second = await claim(0)
    assert.deepEqual([second.attempts, await noted(0), await client.keys('*:file:*')], [2, 'running 10', []])
    for (const change of [() => first.check(), () => first.write(0, 0, bytes(1), bounds), () => first.tell('x', {})]) {
      await assert.rejects(change(), lost)
    }
    await second.write(0, 0, bytes(5), bounds)
    await second.putBack()
    const waiting = await store.view(ids[0]!)
    assert.deepEqual([waiting.state, waiting.started, await noted(0)], ['queued', null, 'waiting 10'])
    assert.deepEqual(await client.keys('*:file:*'), [])
    await assert.rejects(second.check(), lost)

    const third = await claim(0)
    assert.deepEqual([third.passes, third.attempts], [1, 2])
    await third.begin()
    await third.write(0, 0, bytes(8), bounds)
    await third.complete(file('result.wav', 8))
    time.now = 7000
    await third.finish('done', bounds)
    const done = await store.view(ids[0]!)
    const ended = (await store.poll(ids[0]!, 0)).events.at(-1)!.data
    for (const { progress, files, started, finished } of [done, ended as unknown as JobView]) {
      assert.deepEqual([progress, files], [1, [file('result.wav', 8)]])
      assert.deepEqual(
        [started, finished],
        [6000, 7000].map(time => new Date(time).toISOString()),
      )
    }
    assert.deepEqual([await noted(0), await client.exists(`${JOB_KEY}${ids[0]}:body`)], ['ended 8', 0])
    await assert.rejects(third.tell('late', {}), lost)
  })

  test('is watched only under its id', async () => {
    const tools = { limits: defaultLimits } as OperationTools
    const options = { tools, clock: Date.now, onError: assert.fail, signal: undefined }
    const jobs = await RedisJobs.open({ url: redis.url, ...options })
    const events = jobs.events(`${ids[0]}:body`, 0, AbortSignal.timeout(2000))
    await assert.rejects(events.next(), { code: 'UNKNOWN_JOB' }).finally(() => jobs.close())
  })

  test('gives its place to others once it has ended, the oldest first', async () => {
    const { time, store, admit, claim, noted } = await empty()
    for (const i of [1, 0]) {
      await admit(i)
      const one = await claim(i)
      await one.write(0, 0, bytes(400), bounds)
      await one.finish('done', bounds)
      time.now += 1000
    }
    assert.deepEqual(await store.counts(), { queued: 0, running: 0 })
    // The first of them has to go.
    await admit(2, 300)
    assert.deepEqual([await noted(1), await noted(0), await noted(2)], [undefined, 'ended 400', 'waiting 300'])
    await admit(3)
    assert.deepEqual(await store.counts(), { queued: 2, running: 0 })
    // A job that is refused takes no other's place.
    await assert.rejects(admit(1, 600), { code: 'TOO_MANY_REQUESTS' })
    await admit(4, 10, 'd')
    await assert.rejects(admit(5, 600, 'e'), { problem: 'the queue is full' })
    await store.remove(ids[3]!)
    await assert.rejects(admit(5, 700, 'e'), { problem: 'the store of jobs is full' })
    const tooLarge = await claim(2)
    await assert.rejects(tooLarge.write(0, 0, bytes(1), bounds, 700), { code: 'TOO_LARGE' })
    await tooLarge.putBack()
    assert.equal(await noted(0), 'ended 400')
    assert.equal(await noted(3), undefined)
    await assert.rejects(store.view(ids[3]!), { code: 'UNKNOWN_JOB' })
    assert.equal((await store.poll(ids[3]!, 0)).events.at(-1)!.data['state'], 'cancelled')
    // The last of the ended ones is forgotten with time.
    time.now = 16_000
    await admit(1)
    assert.equal(await noted(0), undefined)
    await store.remove(ids[4]!)
    await assert.rejects(admit(5, 1001, 'e'), { problem: 'the store of jobs is full' })
    const large = await claim(1)
    await assert.rejects(large.write(0, 0, bytes(691), bounds), { code: 'TOO_LARGE' })
    await large.write(0, 0, bytes(690), bounds)
    const beyond = large.write(0, MAX_REDIS_FILE_BYTES, bytes(1), bounds)
    await assert.rejects(beyond, { message: /^the result is too large/ })
    // Jobs that nobody has taken for two days count no more.
    time.now += 2 * 86_400_000
    for (const i of [4, 5]) await admit(i)
    assert.deepEqual(await store.counts(), { queued: 2, running: 0 })
  })
})

test('a worker that does not renew its entry is no longer on the list', { skip: noRedis }, async () => {
  const client = new Redis(redis.url, { lazyConnect: true })
  await client.flushall()
  for (const [id, milliseconds] of [
    ['here', 60_000],
    ['gone', 0],
  ] as const) {
    await runScript(client, SHOW, [id, milliseconds, '["a"]'])
  }
  assert.deepEqual(await runScript(client, PRESENT, []), ['here', '["a"]'])
  client.disconnect()
})

describe('a Redis server that is unreachable for a while', { skip: noRedis }, () => {
  test('causes refusals with Retry-After, but no job is lost', { timeout: 120_000 }, async () => {
    const redis = await redisServer('--appendfsync', 'always')
    const service = await testService({ redis: redis.url })
    const worker = await startWorker({ redis: redis.url, models: smallModels, ...QUICK })
    after(() => worker.stop())
    const work = '{"seconds": 2, "steps": 30}'
    const response = await post(service, '/v1/generate?seed=1', work, ASYNC)
    const { id } = (await response.json()) as JobView
    const watched = jobEvents(service, id)
    for (let i = 0; (await getJson(service, `/v1/jobs/${id}`))['state'] !== 'running'; i++) {
      assert.ok(i < 300, 'the job is not running')
      await setTimeout(50)
    }
    await redis.kill()
    const refused = await post(service, '/v1/vocode', npyMel(4), ASYNC)
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    await problem(refused, 503, 'STORE_UNAVAILABLE')
    await problem(await fetch(`${service.url}/v1/jobs/${id}`), 503, 'STORE_UNAVAILABLE')
    // What needs no job still works.
    assert.equal((await post(service, '/v1/vocode', npyMel(4))).status, 200)
    assert.equal((await fetch(`${service.url}/metrics`)).status, 200)
    await setTimeout(1000)
    await redis.restart()
    assert.equal((await watched).at(-1)!.data['state'], 'done')
    const result = await fetch(`${service.url}/v1/jobs/${id}/result`)
    const direct = await post(service, '/v1/generate?seed=1', work)
    assert.deepEqual(await result.arrayBuffer(), await direct.arrayBuffer())
  })

  test('does not keep a worker from stopping', { timeout: 60_000 }, async () => {
    const redis = await redisServer()
    const service = await testService({ redis: redis.url })
    const worker = await startWorker({ redis: redis.url, models: smallModels, drainSeconds: 0.5, ...QUICK })
    await post(service, '/v1/generate', LONG, ASYNC)
    await setTimeout(500)
    await redis.kill()
    await worker.stop()
  })
})
