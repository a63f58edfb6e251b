/** The demo page of examples/browser in a real browser. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readMel } from '#src/formats/mel-file'
import { encodeNpy } from '#src/formats/npy'
import { holds, noBrowser, openPage } from '../support/chromium.js'
import { golden, inRepository } from '../support/paths.js'
import { serveFolders } from '../support/web-server.js'

const speech = golden('mel/LJ001-0001.tacotron2.npy')

/** Less than a second of speech: the page plays all of it before it says how it went. */
async function shortMel() {
  const { mel } = await readMel(speech, 80)
  const frames = 60
  const bands = Array.from({ length: mel.bands }, (_, band) =>
    mel.data.slice(band * mel.frames, band * mel.frames + frames),
  )
  const bytes = encodeNpy({ shape: [mel.bands, frames], data: Float32Array.from(bands.flatMap(band => [...band])) })
  return { name: 'short.npy', mimeType: '', buffer: Buffer.from(bytes) }
}

describe('examples/browser', { skip: noBrowser }, () => {
  const folders = Object.fromEntries(['examples', 'dist', 'models'].map(name => [`/${name}`, inRepository(name)]))
  const ready = `/first heard after/.test(document.getElementById('status').textContent)`

  test('vocodes a chosen mel and plays it', async () => {
    const { url } = await serveFolders({ folders })
    const { page } = await openPage(`${url}/examples/browser/`)
    await page.setInputFiles('#file', await shortMel())
    await holds(page, ready)
    assert.ok((await page.evaluate(`document.getElementById('result').src`)) !== '')
  })

  test('generates music and plays it', async () => {
    const { url } = await serveFolders({ folders })
    const { page } = await openPage(`${url}/examples/browser/`)
    await page.fill('#seconds', '1')
    await page.click('#generate')
    await holds(page, ready)
  })

  test('stops on request, and can play again', async () => {
    const { url } = await serveFolders({ folders })
    const { page } = await openPage(`${url}/examples/browser/`)
    const status = (expected: RegExp) => `${expected}.test(document.getElementById('status').textContent)`
    await page.setInputFiles('#file', speech)
    await holds(page, status(/Playing/))
    await page.click('#stop')
    await holds(page, status(/Stopped/))
    assert.equal(await page.isDisabled('#stop'), true)
    assert.equal(await page.evaluate(`document.getElementById('result').src`), '')
    await page.fill('#seconds', '1')
    await page.click('#generate')
    await holds(page, ready)
  })

  test('reports what is wrong with a file', async () => {
    const { url } = await serveFolders({ folders })
    const { page } = await openPage(`${url}/examples/browser/`)
    await page.setInputFiles('#file', { name: 'a.wav', mimeType: 'audio/wav', buffer: Buffer.from('not a recording') })
    await holds(page, `/WAV/.test(document.getElementById('status').textContent)`)
  })
})
