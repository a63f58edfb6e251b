/** Workers as processes: a job survives the death and the stop of its worker. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { JobView } from '#src/server/jobs/job'
import { smallGenerator, smallVocoder } from '../../support/cli-inputs.js'
import { jsonLines, program, started } from '../../support/process.js'
import { noRedis, redisServer } from '../../support/redis.js'
import { getJson, jobEvents, post, testService } from '../../support/service.js'

// At the top of the file, so that it ends with the file.
const redis = noRedis === false ? await redisServer() : { url: '' }
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** Starts `diffwave worker`, and waits until it takes jobs. */
async function startedWorker(args: readonly string[] = [], { url } = redis) {
  const models = ['--models', `voice=${smallVocoder}`, `noise=${smallGenerator}`, '--threads', '1']
  const child = spawn(process.execPath, [program, 'worker', '--redis', url, '--lock', '3', ...models, ...args])
  children.push(child)
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', data => {
    stdout += data
  })
  child.stderr.on('data', data => {
    stderr += data
  })
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  for (let i = 0; !stderr.includes('waiting for jobs'); i++) {
    assert.ok(i < 1200 && child.exitCode === null, stderr)
    await setTimeout(50)
  }
  const log = () => jsonLines(stdout)
  const loaded = async () => {
    for (let i = 0; !log().some(({ msg }) => msg === 'model loaded'); i++) {
      assert.ok(i < 12_000, stdout)
      await setTimeout(5)
    }
  }
  return { child, ended, log, loaded }
}

/** Long enough to be interrupted, short enough to be done twice. */
const WORK = '{"seconds": 2, "steps": 30}'

describe('diffwave worker', { skip: noRedis }, () => {
  test('loses no job when it is killed: another worker makes the same bytes', async () => {
    const service = await testService({ redis: redis.url })
    const first = await startedWorker()
    const response = await post(service, '/v1/generate?seed=1', WORK, { prefer: 'respond-async' })
    const { id } = (await response.json()) as JobView
    await first.loaded()
    // Held in the middle of the job until the other one is there.
    first.child.kill('SIGSTOP')
    const second = await startedWorker()
    first.child.kill('SIGKILL')
    await first.ended
    const states = (await jobEvents(service, id)).filter(({ name }) => name === 'state')
    assert.deepEqual(
      states.map(({ data }) => data['state']),
      ['running', 'running', 'done'],
    )
    const result = await fetch(`${service.url}/v1/jobs/${id}/result`)
    const direct = await post(service, '/v1/generate?seed=1', WORK)
    assert.deepEqual(await result.arrayBuffer(), await direct.arrayBuffer())
    second.child.kill('SIGTERM')
    assert.equal(await second.ended, 0)
    assert.ok(second.log().some(({ msg, job }) => job === id && msg === 'job done'))
  })

  test('puts its jobs back when it is stopped', async () => {
    const service = await testService({ redis: redis.url })
    const first = await startedWorker(['--drain', '0'])
    const response = await post(service, '/v1/generate?seed=1', WORK, { prefer: 'respond-async' })
    const { id } = (await response.json()) as JobView
    await first.loaded()
    first.child.kill('SIGTERM')
    assert.equal(await first.ended, 0)
    assert.ok(first.log().some(({ end }) => end === 'put back'))
    assert.equal((await getJson(service, `/v1/jobs/${id}`))['state'], 'queued')
    const second = await startedWorker()
    const states = (await jobEvents(service, id)).filter(({ name }) => name === 'state')
    assert.deepEqual(
      states.map(({ data }) => data['state']),
      ['running', 'queued', 'running', 'done'],
    )
    second.child.kill('SIGTERM')
    await second.ended
  })

  test('ends at once when it is stopped while Redis is away', async () => {
    const own = await redisServer()
    const { child, ended } = await startedWorker([], own)
    await own.kill()
    // Long enough for BullMQ to wait between two attempts to connect.
    await setTimeout(1000)
    const start = performance.now()
    child.kill('SIGINT')
    assert.equal(await ended, 0)
    const seconds = (performance.now() - start) / 1000
    assert.ok(seconds < 2, `${seconds} s`)
  })
})

test('a signal ends the wait for a Redis server that does not answer', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  for (const command of [['worker'], ['serve', '--port', '0']]) {
    const asked = once(silent, 'connection')
    const { child, ended } = started([...command, '--redis', `redis://127.0.0.1:${port}`])
    const [socket] = (await asked) as [Socket]
    await once(socket, 'data')
    child.kill('SIGTERM')
    const { status, stderr } = await ended
    assert.deepEqual([status, stderr], [143, 'stopped\n'])
  }
  silent.close()
})
