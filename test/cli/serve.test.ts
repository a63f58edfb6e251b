/** `diffwave serve` on the command line. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, test } from 'node:test'
import { npyMel, smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { httpServer } from '../support/http-server.js'
import { called, jsonLines, program, scratch } from '../support/process.js'

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
  test('serves its models, and writes a line of JSON per request', async () => {
    const { child, url, ended, log } = await serving()
    const { models } = (await (await fetch(`${url}/v1/models`)).json()) as { models: { name: string }[] }
    assert.deepEqual(
      models.map(({ name }) => name),
      ['voice', 'noise'],
    )
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
    assert.ok(log().some(line => line['msg'] === 'stopping'))
    assert.ok(log().some(line => (line['req'] as { url?: string } | undefined)?.url === '/v1/models'))
  })

  test('escapes control characters in its log', async () => {
    // CSI of C1, and a mark that turns text round.
    const name = 'a\u009b31m\u202e.pt'
    const { child, url, ended, raw } = await serving('--models', put(name, readFileSync(smallVocoder)))
    const query = `steps=1&model=${encodeURIComponent(name)}`
    const response = await fetch(`${url}/v1/vocode?${query}`, { method: 'POST', body: npyMel(2) })
    assert.equal(response.status, 200)
    await response.arrayBuffer()
    child.kill('SIGTERM')
    await ended
    assert.match(raw(), /a\\u009b31m\\u202e\.pt/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
    assert.doesNotMatch(raw(), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  })

  test('finishes its work when a signal stops it', async () => {
    const { child, url, ended } = await serving()
    const response = await fetch(`${url}/v1/vocode?seed=1&steps=1`, { method: 'POST', body: npyMel(2000) })
    child.kill('SIGTERM')
    const bytes = await response.arrayBuffer()
    assert.equal(bytes.byteLength, 44 + 2 * 2000 * 256)
    assert.equal(await ended, 0)
  })

  test('stops work that takes longer than --drain', async () => {
    const { child, url, ended } = await serving('--drain', '0.2')
    const body = '{"seconds": 300, "steps": 1000}'
    const request = fetch(`${url}/v1/generate`, { method: 'POST', body })
    request.catch(() => {})
    await new Promise(resolve => setTimeout(resolve, 500))
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
    await assert.rejects(async () => (await request).arrayBuffer())
  })

  test('stops on a signal after a HEAD request for an endless event stream', { timeout: 20_000 }, async () => {
    const runs = dirname(put('run/metrics.jsonl', '{"step":1}\n'))
    const { child, url, ended } = await serving('--runs', runs)
    const { status } = await fetch(`${url}/v1/runs/run/events`, { method: 'HEAD' })
    assert.equal(status, 200)
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
  })

  test('warns if it can be reached from other machines', async () => {
    const { child, ended, messages } = await serving('--host', '0.0.0.0')
    assert.match(messages(), /--token/)
    child.kill('SIGTERM')
    await ended
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
