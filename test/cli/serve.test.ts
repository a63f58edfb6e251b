/** `diffwave serve` and `diffwave worker` on the command line. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, test } from 'node:test'
import { npyMel, smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { httpServer } from '../support/http-server.js'
import { called, jsonLines, program, scratch } from '../support/process.js'
import { begun } from '../support/service-work.js'

const { put } = scratch()

/** Starts a service and waits until it listens. */
async function serving(...args: readonly string[]) {
  const models = ['--models', `voice=${smallVocoder}`, `noise=${smallGenerator}`]
  const child = spawn(process.execPath, [program, 'serve', '--port', '0', ...models, ...args])
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', data => {
    stdout += data
  })
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', data => {
      stderr += data
      const found = /listening on (http:\S+),/.exec(stderr)
      if (found !== null) resolve(found[1]!)
    })
    ended.then(() => reject(new Error(stderr)))
  })
  return { child, url, ended, raw: () => stdout, log: () => jsonLines(stdout), messages: () => stderr }
}

describe('diffwave serve', () => {
  // A C1 code that begins an escape sequence, and a mark that turns text round.
  const odd = 'a\u009b31m\u202e.pt'

  test('serves its models with a log, and finishes its work when a signal stops it', { timeout: 60_000 }, async () => {
    const runs = dirname(put('run/metrics.jsonl', '{"step":1}\n'))
    const oddModel = put(odd, readFileSync(smallVocoder))
    const { child, url, ended, raw, log, messages } = await serving(
      ...['--models', oddModel, '--runs', runs, '--host', '0.0.0.0'],
    )
    assert.match(messages(), /anyone who reaches this address can use the service; --token/)
    const { models } = (await (await fetch(`${url}/v1/models`)).json()) as { models: { name: string }[] }
    assert.deepEqual(
      models.map(({ name }) => name),
      ['voice', 'noise', odd],
    )
    // An endless stream of events, which must not keep the service from stopping.
    assert.equal((await fetch(`${url}/v1/runs/run/events`, { method: 'HEAD' })).status, 200)
    const query = `seed=1&steps=20&model=${encodeURIComponent(odd)}`
    const response = fetch(`${url}/v1/vocode?${query}`, { method: 'POST', body: npyMel(100) })
    await begun({ url })
    child.kill('SIGTERM')
    assert.equal((await (await response).arrayBuffer()).byteLength, 44 + 2 * 100 * 256)
    assert.equal(await ended, 0)
    assert.ok(log().some(line => line['msg'] === 'stopping'))
    assert.ok(log().some(line => (line['req'] as { url?: string } | undefined)?.url === '/v1/models'))
    assert.match(raw(), /a\\u009b31m\\u202e\.pt/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
    assert.doesNotMatch(raw(), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  })

  test('stops work that takes longer than --drain', async () => {
    const { child, url, ended } = await serving('--drain', '0.2')
    const body = '{"seconds": 300, "steps": 1000}'
    const request = fetch(`${url}/v1/generate`, { method: 'POST', body })
    request.catch(() => {})
    await begun({ url })
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
    await assert.rejects(async () => (await request).arrayBuffer())
  })

  test('refuses invalid options before it listens', async () => {
    const cases: readonly (readonly string[])[] = [
      ['--port', '70000'],
      ['--token', 'short'],
      ['--models', 'a=x', 'a=y'],
      ['--parallel', '0'],
      ['--queue', 'x'],
    ]
    for (const args of cases) {
      const { status, stderr } = called(['serve', ...args])
      assert.deepEqual([status, stderr.includes('error[BAD_OPTION]')], [2, true], args.join(' '))
    }
  })

  test('refuses a model that does not exist before it listens', () => {
    for (const [words, code] of [
      [['speach'], 'UNKNOWN_MODEL'],
      [['a=./nowhere/model'], 'FILE_NOT_FOUND'],
    ] as const) {
      const { stdout, stderr } = called(['serve', '--port', '0', '--models', ...words])
      assert.deepEqual([stdout, stderr.startsWith(`error[${code}]`)], ['', true], stderr)
    }
  })

  test('reports a port that is taken', async () => {
    const { port, close } = await httpServer(() => {})
    const { status, stderr } = called(['serve', '--port', String(port)])
    await close()
    assert.equal(status, 2)
    assert.match(stderr, /cannot listen at this address/)
  })
})

describe('an address of Redis', () => {
  test('that is missing, wrong or unreachable is reported as one error, without its password', () => {
    for (const [args, status, code] of [
      [['worker'], 2, 'BAD_OPTION'],
      [['worker', '--redis', ''], 2, 'BAD_OPTION'],
      [['worker', '--redis', 'http://localhost'], 2, 'BAD_OPTION'],
      [['serve', '--port', '0', '--redis', 'user:secret@localhost'], 2, 'BAD_OPTION'],
      [['worker', '--redis', 'redis://user:secret@127.0.0.1:1'], 1, 'REDIS_UNAVAILABLE'],
      [['serve', '--port', '0', '--redis', 'redis://127.0.0.1:1'], 1, 'REDIS_UNAVAILABLE'],
    ] as const) {
      const ended = called(args)
      assert.equal(ended.status, status, ended.stderr)
      assert.match(ended.stderr, new RegExp(`^error\\[${code}\\]: .+\n(hint: .+\n)?$`))
      assert.doesNotMatch(ended.stderr, /secret/)
    }
  })
})
