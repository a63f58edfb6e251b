/** A report of `diffwave evaluate` in a real browser shows and plays its sounds as the studio does. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { captioned, page as htmlPage, player, sounds } from '#src/evaluation/report/html'
import { writeReport } from '#src/evaluation/report/write-report'
import {
  assertAccessible,
  assertNoOverflow,
  canvasStatistics,
  hears,
  noBrowser,
  openDocument,
} from '../support/chromium.js'
import { scratchFolder } from '../support/scratch.js'
import { noise } from '../support/sounds.js'
import { serveFolders } from '../support/web-server.js'

const folder = scratchFolder('report')
const rate = 16_000
// Long enough that a busy page, whose timers come late, still hears the end.
const seconds = 5
const figures = ['original', 'copy'].map((name, i) => captioned(name, player(noise(i, seconds * rate), rate)))
const html = htmlPage('test', `<h2>Listen</h2>${sounds(figures, 'a <b>')}${sounds(figures)}`)
await writeReport(join(folder, 'report.html'), html)
writeFileSync(join(folder, 'plain.html'), html)
const { url } = await serveFolders({ folders: { '/': folder } })

describe('a report in a browser', { skip: noBrowser }, () => {
  test('plays copies in sync, and clips on their own, in light and dark colours', async () => {
    const { page, errors } = await openDocument(`${url}/report.html`, { width: 360 })
    await hears(page, () => page.getByRole('button', { name: 'Play a <b>' }).click())
    assert.equal(await page.evaluate('playedBuffers.length'), 2)
    await page.getByLabel('copy', { exact: true }).check()
    assert.equal(await page.evaluate('playedBuffers.length'), 2)
    await page.getByRole('button', { name: 'Play copy' }).waitFor()
    await assertNoOverflow(page)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      assert.ok((await canvasStatistics(page, '.live canvas')).colours > 50)
      await assertAccessible(page)
    }
    assert.deepEqual(
      errors.filter(error => !/404/.test(error)),
      [],
    )
  })

  test('has plain players if its script is missing', async () => {
    const { page } = await openDocument(`${url}/plain.html`)
    assert.equal(await page.locator('audio').count(), 4)
  })
})
