/** `diffwave studio` on the command line. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { called, program, scratch, shell } from '../support/process.js'

const { folder, put } = scratch()

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
    const { stdout } = called(['studio', '--help'])
    for (const option of ['--host', '--port', '--token', '--runs', '--models', '--open']) {
      assert.ok(stdout.includes(option), option)
    }
  })

  test('exports the page with its models as a folder', () => {
    const site = join(folder, 'site')
    const models = ['--models', `voice=${smallVocoder}`, 'far=https://models.example.org/far']
    for (let i = 0; i < 2; i++) assert.equal(called(['studio', '--export', site, ...models]).status, 0)
    const [, list] = /id="studio-models">([^<]+)</.exec(readFileSync(join(site, 'index.html'), 'utf8'))!
    assert.deepEqual(JSON.parse(list!), [
      { name: 'voice', url: './models/voice/' },
      { name: 'far', url: 'https://models.example.org/far' },
    ])
    assert.deepEqual(readdirSync(join(site, 'models')), ['voice'])
    const weights = readFileSync(join(site, 'models/voice/weights.safetensors'))
    const facts = JSON.parse(readFileSync(join(site, 'models/voice/files.json'), 'utf8'))
    assert.equal(facts['weights.safetensors'].bytes, weights.length)
  })

  test('replaces an exported site only after its models, which may be inside, are read', () => {
    const site = join(folder, 'own')
    const exported = (model: string) => called(['studio', '--export', site, '--models', model])
    assert.equal(exported(`voice=${smallVocoder}`).status, 0)
    const bad = exported(`bad=${put('bad.pt', 'no checkpoint')}`)
    assert.equal(bad.status, 1, bad.stderr)
    assert.deepEqual(readdirSync(join(site, 'models')), ['voice'])
    const again = exported(`again=${join(site, 'models/voice')}`)
    assert.equal(again.status, 0, again.stderr)
    assert.deepEqual(readdirSync(join(site, 'models')), ['again'])
  })

  test('replaces an unfinished export', {
    skip: process.platform === 'win32' ? 'needs a shell' : false,
  }, () => {
    const line = 'diffwave studio --export unfinished --models lmnt-speech'
    // As on a full disk, the weights cannot be written, but smaller files can.
    const stopped = shell(`ulimit -f 2048; ${line}`, folder)
    assert.equal(stopped.status, 1, stopped.stderr)
    assert.match(stopped.stderr, /weights\.safetensors/)
    const again = called(['studio', '--export', join(folder, 'unfinished'), '--models', `voice=${smallVocoder}`])
    assert.equal(again.status, 0, again.stderr)
  })

  test('refuses to export into a folder with other files, or with options of a service', () => {
    const path = put('mine/notes.txt', 'mine')
    const refused = called(['studio', '--export', dirname(path)])
    assert.match(refused.stderr, /error\[NOT_WRITABLE\].*other files/)
    assert.deepEqual(readdirSync(dirname(path)), ['notes.txt'])
    const { status, stderr } = called(['studio', '--export', join(folder, 'other'), '--port', '80'])
    assert.equal(status, 2)
    assert.match(stderr, /BAD_OPTION.*--port/)
  })
})
