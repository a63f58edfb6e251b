/** `diffwave studio` as a process. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { describe, test } from 'node:test'
import { smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { diffwave, program } from '../support/process.js'

describe('diffwave studio', () => {
  test('serves the page, its files and the service', async () => {
    const models = ['--models', `voice=${smallVocoder}`, `noise=${smallGenerator}`]
    const child = spawn(process.execPath, [program, 'studio', '--port', '0', ...models])
    child.stdout.resume()
    let messages = ''
    const url = await new Promise<string>((resolve, reject) => {
      child.on('close', () => reject(new Error(messages)))
      child.stderr.on('data', data => {
        messages += data
        const found = /the studio is at (http:\S+)/.exec(messages)
        if (found !== null) resolve(found[1]!)
      })
    })
    const page = await fetch(url)
    assert.match(page.headers.get('content-type')!, /^text\/html/)
    assert.match(page.headers.get('content-security-policy')!, /script-src 'self' 'wasm-unsafe-eval';/)
    const files = [...(await page.text()).matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(match => match[1]!)
    assert.deepEqual(files.map(file => file.replace(/.*\./, '')).sort(), ['css', 'js', 'svg'])
    for (const file of files) {
      const response = await fetch(`${url}/${file}`)
      assert.equal(response.status, 200, file)
      assert.match(response.headers.get('cache-control')!, /immutable/)
      await response.arrayBuffer()
    }
    assert.equal((await fetch(`${url}/v1/models`)).status, 200)
    child.kill('SIGTERM')
  })

  test('has the options of serve, and --open', () => {
    const { stdout } = diffwave(['studio', '--help'])
    for (const option of ['--host', '--port', '--token', '--runs', '--models', '--open']) {
      assert.ok(stdout.includes(option), option)
    }
  })

  test('refuses a port that is none', () => {
    const { status, stderr } = diffwave(['studio', '--port', '70000'])
    assert.equal(status, 2)
    assert.match(stderr, /BAD_OPTION/)
  })
})
