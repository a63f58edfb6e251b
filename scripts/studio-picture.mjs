// Makes docs/images/studio.png: the process view of the studio after a run, in Chromium.
// usage: node scripts/studio-picture.mjs   (CHROMIUM names the browser; default /usr/bin/chromium)
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { build } from './build.mjs'
import { root } from './compile.mjs'

const PORT = '8097'
/** The page's own fonts differ between machines. This one is on every Debian with a browser. */
const FONT = ':root { font-family: "Liberation Sans", sans-serif !important }'

await build({ ifMissing: true })
const service = spawn(process.execPath, [join(root, 'dist/cli/main.js'), 'studio', '--port', PORT], {
  stdio: ['ignore', 'ignore', 'pipe'],
})
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
try {
  await once(service.stderr, 'data')
  const page = await browser.newPage({ viewport: { width: 1280, height: 1440 } })
  await page.goto(`http://127.0.0.1:${PORT}/#/process`)
  await page.addStyleTag({ content: FONT })
  await page.getByText('step 2', { exact: true }).click({ timeout: 120_000 })
  // Spectrograms are drawn after the sounds have arrived.
  await page.waitForTimeout(5000)
  await page.screenshot({ path: join(root, 'docs', 'images', 'studio.png'), fullPage: true })
} finally {
  await browser.close()
  service.kill()
}
