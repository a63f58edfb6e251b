/** The demo page of examples/browser in a real browser. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeNpy } from '#src/formats/npy'
import { readMel } from '#src/formats/read-mel'
import { holds, noBrowser, sharedPage } from '../support/chromium.js'
import { golden, inRepository } from '../support/paths.js'
import { serveFolders } from '../support/web-server.js'

const speech = golden('mel/LJ001-0001.tacotron2.npy')

/** Less than a second of speech: the page plays all of it before it says how it went. */
async function shortMel() {
  const { mel } = await readMel(speech, 80)
  const frames = 30
  const bands = Array.from({ length: mel.bands }, (_, band) =>
    mel.data.slice(band * mel.frames, band * mel.frames + frames),
  )
  const bytes = encodeNpy({ shape: [mel.bands, frames], data: Float32Array.from(bands.flatMap(band => [...band])) })
  return { name: 'short.npy', mimeType: '', buffer: Buffer.from(bytes) }
}

const folders = Object.fromEntries(['examples', 'dist', 'models'].map(name => [`/${name}`, inRepository(name)]))
const { url } = await serveFolders({ folders })

describe('examples/browser', { skip: noBrowser }, () => {
  const status = (expected: RegExp) => `${expected}.test(document.getElementById('status').textContent)`
  const ready = status(/first heard after/)
  const opened = sharedPage(`${url}/examples/browser/`)

  test('reports what is wrong with a file', async () => {
    const { page } = await opened()
    await page.setInputFiles('#file', { name: 'a.wav', mimeType: 'audio/wav', buffer: Buffer.from('not a recording') })
    await holds(page, status(/WAV/))
  })

  test('stops on request', async () => {
    const { page } = await opened()
    await page.evaluate(`globalThis.said = []
      new MutationObserver(([{ target }]) => said.push(target.textContent))
        .observe(document.getElementById('status'), { childList: true })`)
    await page.setInputFiles('#file', speech)
    await holds(page, status(/Playing/))
    assert.deepEqual(await page.evaluate('said'), ['Loading the model …', 'Making the first piece …', 'Playing …'])
    await page.click('#stop')
    await holds(page, status(/Stopped/))
    assert.equal(await page.isDisabled('#stop'), true)
    assert.equal(await page.evaluate(`document.getElementById('result').src`), '')
  })

  test('vocodes a chosen mel and plays it, also after a stop', async () => {
    const { page } = await opened()
    await page.setInputFiles('#file', await shortMel())
    await holds(page, ready)
    assert.ok((await page.evaluate(`document.getElementById('result').src`)) !== '')
  })

  test('generates music and plays it', async () => {
    const { page } = await opened()
    const before = await page.evaluate(`document.getElementById('result').src`)
    await page.fill('#seconds', '0.3')
    await page.click('#generate')
    await holds(page, `document.getElementById('result').src !== ${JSON.stringify(before)}`)
    await holds(page, ready)
  })
})
