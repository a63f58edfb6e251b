/** The exported studio on a plain file server, with the engine in the browser. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { gaussian } from '#src/core/random'
import { encodeEvent, frameRecord } from '#src/formats/tfevents-writer'
import { exportSite } from '#src/server/site'
import { readStudioPage } from '#src/server/studio-page'
import {
  assertAccessible,
  assertNoOverflow,
  canvasStatistics,
  hears,
  holds,
  noBrowser,
  openDocument,
  openPage,
} from '../support/chromium.js'
import { noiseWav, npyMel } from '../support/cli-inputs.js'
import { scratchFolder } from '../support/scratch.js'
import { smallModels } from '../support/service.js'
import { serveFolders } from '../support/web-server.js'

const folder = join(scratchFolder('studio-site'), 'site')
const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: '', buffer: Buffer.from(bytes) })

const built = await readStudioPage()
await exportSite({ folder, page: built, models: smallModels })
const site = await serveFolders({ folders: { '/below/here': folder } })

/** Drops files on the first place for them. @param files an array of files, an expression in the page */
async function dropFiles(page: Page, files: string): Promise<void> {
  await page.evaluate(`(() => {
    const drop = new Event('drop', { bubbles: true, cancelable: true })
    Object.defineProperty(drop, 'dataTransfer', { value: { files: ${files} } })
    document.querySelector('fieldset.drop').dispatchEvent(drop)
  })()`)
}

/** A folder as browsers hand it over, in an expression in the page. */
const FOLDER = `Object.assign(new File([], 'my-run'), { arrayBuffer: () => Promise.reject(new Error('a folder')) })`

describe('the exported studio', { skip: noBrowser }, () => {
  /** Runs a test on a view, which must leave no error behind. */
  function viewTest(title: string, view: string, run: (page: Page) => Promise<void>): void {
    test(title, async () => {
      const { page, errors } = await openDocument(`${site.url}/below/here/#/${view}`, { width: 360 })
      await run(page)
      await assertNoOverflow(page)
      assert.equal(await page.getByText('not as a file').count(), 0)
      assert.deepEqual(errors, [])
    })
  }

  viewTest('shows the process in both directions', 'process', async page => {
    await page.locator('.frame').nth(6).waitFor()
    for (const part of [0, 1, 2]) {
      const { colours } = await canvasStatistics(page, `.part >> nth=${part} >> canvas`)
      assert.ok(colours > 50, `part ${part}: ${colours} colours`)
    }
    await page.getByRole('slider', { name: 'Diffusion step t' }).fill('40')
    await hears(page, () => page.getByRole('button', { name: 'Play the noisy recording' }).click())
    // A large file, and another one before the first is read.
    await page.locator('input[type=file]').evaluate(input => {
      for (const [name, milliseconds] of [['large.wav', 300] as const, ['small.wav', 0] as const]) {
        const chosen = new File([], name)
        const read = new Promise<ArrayBuffer>(resolve => setTimeout(() => resolve(new ArrayBuffer(8)), milliseconds))
        chosen.arrayBuffer = () => read
        Object.defineProperty(input, 'files', { value: [chosen], configurable: true })
        input.dispatchEvent(new Event('change', { bubbles: true }))
      }
    })
    await page.getByText('Now: small.wav').waitFor()
    await page.waitForTimeout(400)
    assert.equal(await page.getByText('Now: small.wav').count(), 1)
    await dropFiles(page, `[new File(['a'], 'one.wav'), new File(['b'], 'two.wav')]`)
    await page.getByText('Only one.wav was taken').waitFor()
    await page.getByText('Now: one.wav').waitFor()
    await dropFiles(page, `[new File([], 'none.wav')]`)
    await page.getByText('none.wav is empty.').waitFor()
    assert.equal(await page.getByText('Only one.wav').count(), 0)
  })

  viewTest('vocodes recordings with figures, and mels, and refuses other files', 'vocode', async page => {
    const input = page.locator('input[type=file]')
    await input.setInputFiles(file('letter.txt', Buffer.from('Dear Sir or Madam')))
    const alert = page.getByRole('alert').first()
    await alert.waitFor()
    assert.match(String(await alert.textContent()), /Expected[\s\S]*UNSUPPORTED_FORMAT/)
    await dropFiles(page, `[${FOLDER}, new File(['Dear'], 'other.txt')]`)
    await page.getByText('my-run cannot be read.').waitFor()
    // The file beside the folder is taken.
    await page.getByRole('heading', { name: 'other.txt' }).waitFor()
    await input.setInputFiles(file('noise.wav', noiseWav(0, 11_025)))
    await page.locator('table tbody tr').first().waitFor()
    assert.equal(await page.locator('table thead th').count(), 4)
    await input.setInputFiles(file('mel.npy', npyMel(8)))
    await page.getByRole('heading', { name: 'mel.npy' }).waitFor()
    await page.getByLabel('Griffin-Lim', { exact: true }).nth(1).waitFor()
  })

  viewTest('generates clips, and stops on request', 'generate', async page => {
    await page.getByLabel('Clips', { exact: true }).fill('2')
    await page.getByLabel('Length, s').fill('0.3')
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.locator('.clip').nth(1).waitFor()
    await page.getByRole('status').getByText('Making clips: done').waitFor()
    await page.getByLabel('Length, s').fill('30')
    await page.getByLabel('Clips', { exact: true }).fill('16')
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('status').getByText('Making clips: stopped').waitFor()
    await holds(page, `document.activeElement.id === 'main'`)
    assert.equal(await page.getByRole('button', { name: 'Stop' }).count(), 0)
    assert.equal(await page.getByRole('alert').count(), 0)
  })

  viewTest('repairs gaps and noise', 'repair', async page => {
    await page
      .locator('input[type=file]')
      .first()
      .setInputFiles(file('noise.wav', noiseWav(0, 11_025)))
    await page.getByRole('button', { name: 'Add a gap at the playhead' }).click()
    await page.getByRole('button', { name: 'Fill the gaps' }).click()
    await page.getByLabel('Filled', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Make an example' }).click()
    await page.getByRole('button', { name: 'Denoise' }).click()
    await page.getByLabel('Denoised', { exact: true }).waitFor()
  })

  viewTest('explains that it cannot watch a training, and shows the files of one', 'training', async page => {
    await page.getByText('This page has no server').waitFor()
    await assertAccessible(page)
    const input = page.locator('input[type=file]')
    await input.setInputFiles(file('letter.txt', Buffer.from('Dear Sir or Madam')))
    await page.getByRole('alert').waitFor()
    const line = (step: number) => `${JSON.stringify({ step, loss: 3 / step })}\n`
    const tone = { samples: gaussian(1, 0, 0, 4000).map(value => value / 10), sampleRate: 8000 }
    const event = frameRecord(encodeEvent(1.5, 100, [{ kind: 'audio', tag: 'made', audio: tone }]))
    const damaged = Buffer.from(event)
    damaged[40]! ^= 1
    await input.setInputFiles([file('events.out.tfevents.2', damaged)])
    await page.getByText('events.out.tfevents.2 is damaged.').waitFor()
    await input.setInputFiles([
      file('metrics.jsonl', Buffer.from(line(1) + line(2))),
      file('events.out.tfevents.1', event),
    ])
    await hears(page, () => page.getByRole('button', { name: 'Play the clip' }).click())
    assert.equal(await page.locator('.facts dd').first().textContent(), '2')
    // Another run, with a folder among its files.
    await dropFiles(page, `[${FOLDER}, new File([${JSON.stringify(line(7))}], 'metrics.jsonl')]`)
    await holds(page, `document.querySelector('.facts dd')?.textContent === '7'`)
    assert.equal(await page.getByText('my-run cannot be read.').count(), 1)
    await assertAccessible(page)
  })

  test('names a model that cannot be downloaded', async () => {
    const broken = join(scratchFolder('studio-broken'), 'site')
    const models = new Map([['gone', 'http://localhost:9/gone']])
    await exportSite({ folder: broken, page: built, models })
    const { url } = await serveFolders({ folders: { '/': broken } })
    const { page } = await openDocument(`${url}/#/generate`)
    const alert = page.getByRole('alert')
    await alert.waitFor()
    assert.match(String(await alert.textContent()), /DOWNLOAD_FAILED/)
    const asked = page.waitForRequest(/gone/)
    await page.getByRole('button', { name: 'Try again' }).click()
    await asked
  })

  test('says that it needs a web server if it is opened as a file', async () => {
    const { page } = await openPage(pathToFileURL(join(folder, 'index.html')).href)
    await page.getByText('not as a file').waitFor()
  })
})
