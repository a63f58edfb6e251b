/** The studio in a real browser: every view works by mouse and by keyboard, without an error. */
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { decodeWav } from '#src/audio/codecs/wav'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import { encodeEvent, frameRecord } from '#src/formats/tfevents-writer'
import { readStudioPage } from '#src/server/studio-page'
import {
  assertAccessible,
  assertNoOverflow,
  canvasStatistics,
  hears,
  holds,
  noBrowser,
  type OpenedPage,
  openDocument,
  type PageOptions,
  resumeSound,
} from '../support/chromium.js'
import { noiseWav, npyMel } from '../support/cli-inputs.js'
import { scratch } from '../support/process.js'
import { post, testService } from '../support/service.js'

const { folder, put } = scratch()
const line = (step: number) => `${JSON.stringify({ step, loss: 3 / step, learningRate: 1e-4 * step })}\n`
put('voice/metrics.jsonl', Array.from({ length: 20 }, (_, i) => line(10 * i + 10)).join(''))
const tone = { samples: gaussian(1, 0, 0, 4000).map(value => value / 10), sampleRate: 8000 }
const event = encodeEvent(1.5, 100, [{ kind: 'audio', tag: 'made', audio: tone }])
put('voice/events.out.tfevents.1.diffwave', frameRecord(event))

const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: '', buffer: Buffer.from(bytes) })

/** The page with a part of its example, which most tests wait for. The whole is in static.test.ts. */
const page = new Map(
  [...(await readStudioPage())].map(([path, file]) => {
    if (!path.endsWith('.wav')) return [path, file]
    const { samples, sampleRate } = decodeWav(file.bytes, path)
    return [path, { ...file, bytes: encodeWav({ samples: samples.subarray(8000, 24_000), sampleRate }) }]
  }),
)
const service = await testService({ page, runs: [folder] })

/**
 * Opens a view and runs a test on it, which must leave no error behind.
 *
 * @param options `refused` matches the errors that belong to the test
 */
function studioTest(
  title: string,
  view: string,
  run: (page: Page, opened: OpenedPage) => Promise<void>,
  options: PageOptions & { readonly refused?: RegExp } = {},
): void {
  test(title, { skip: noBrowser }, async () => {
    const opened = await openDocument(`${service.url}/#/${view}`, options)
    await run(opened.page, opened)
    // Browsers report every refusal as an error.
    const errors = opened.errors.filter(error => options.refused?.test(error) !== true)
    assert.deepEqual(errors, [])
  })
}

/** How much a field's edge stands out from the panel around it (WCAG 2.2, contrast ratio). */
async function edgeContrast(page: Page, field: string): Promise<number> {
  await page.locator(field).waitFor()
  const colours = (await page.evaluate(`[
    getComputedStyle(document.querySelector('${field}')).borderTopColor,
    getComputedStyle(document.querySelector('.panel')).backgroundColor,
  ]`)) as string[]
  const [low, high] = colours
    .map(colour => {
      const linear = colour.match(/\d+/g)!.map(byte => ((Number(byte) / 255 + 0.055) / 1.055) ** 2.4)
      return 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!
    })
    .sort((a, b) => a - b)
  return (high! + 0.05) / (low! + 0.05)
}

describe('the studio’s navigation', () => {
  studioTest('leads to every view by address and by keyboard', 'generate', async page => {
    await page.getByRole('heading', { name: 'Generate', level: 1 }).waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    // The jump to the content leaves the view in the address.
    await holds(page, `document.activeElement.id === 'main' && location.hash === '#/generate'`)
    const link = page.getByRole('link', { name: 'Process' })
    await link.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Process', level: 1 }).waitFor()
    assert.equal(await link.getAttribute('aria-current'), 'page')
    assert.equal(await page.title(), 'Process – diffwave studio')
  })

  studioTest(
    'is dark or light, as the system or the reader chooses',
    'generate',
    async page => {
      const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
      const dark = await background()
      assert.ok((await edgeContrast(page, '#generate-seed')) >= 3)
      await page.getByRole('button', { name: 'Light colours' }).click()
      assert.notEqual(await background(), dark)
      assert.ok((await edgeContrast(page, '#generate-seed')) >= 3)
      await page.reload()
      await page.getByRole('button', { name: 'Dark colours' }).click()
      assert.equal(await background(), dark)
      await page.emulateMedia({ forcedColors: 'active' })
      assert.equal(
        await page.evaluate(`getComputedStyle(document.querySelector('nav [aria-current]')).outlineStyle`),
        'solid',
      )
      await page.emulateMedia({ forcedColors: 'none' })
      // Letters follow the size that the reader has set for the browser.
      const session = await page.context().newCDPSession(page)
      await session.send('Page.setFontSizes', { fontSizes: { standard: 24 } })
      assert.equal(await page.evaluate('getComputedStyle(document.body).fontSize'), '22.5px')
      await session.send('Page.setFontSizes', { fontSizes: { standard: 16 } })
      // Later tests are as light or dark as their system.
      await page.evaluate('localStorage.clear()')
      // The first picture has the colours of the system, before the script has set a theme.
      await page.evaluate('delete document.documentElement.dataset.theme')
      assert.equal(await background(), dark)
    },
    { width: 360, dark: true },
  )

  test('asks for the token of a service that requires one, and then leads on', { skip: noBrowser }, async () => {
    const closed = await testService({ page, token: 'open-sesame' })
    const { page: window } = await openDocument(`${closed.url}/#/generate`)
    const field = window.getByLabel('Token of the service')
    await field.waitFor()
    assert.equal(await window.getByRole('alert').count(), 0)
    await window.keyboard.type('open-barley')
    await window.keyboard.press('Enter')
    await window.getByRole('alert').getByText('The token is wrong').waitFor()
    await assertAccessible(window)
    // The wrong one is selected, so that the next one takes its place.
    await window.keyboard.type('open-sesame')
    await window.keyboard.press('Enter')
    await window.getByRole('button', { name: 'Generate' }).waitFor()
    // It goes when loading has ended, which may be a frame later.
    await field.waitFor({ state: 'detached' })
    await window.getByRole('link', { name: 'Training' }).click()
    // This service has no folder of runs.
    await window.getByText('No training runs.').waitFor()
  })
})

describe('the studio', () => {
  studioTest(
    'tries again what failed while the service was away',
    'generate',
    async page => {
      await page.getByRole('button', { name: 'Generate' }).waitFor()
      await page.route('**/v1/**', route => route.abort())
      await page.reload()
      const again = page.getByRole('button', { name: 'Try again' })
      await again.click()
      await page.unroute('**/v1/**')
      await again.click()
      await page.getByRole('button', { name: 'Generate' }).waitFor()
    },
    { refused: /ERR_FAILED/ },
  )

  studioTest('does not give way to a file that is dropped beside its place', 'generate', async page => {
    const isPrevented = (kind: string) =>
      page.evaluate(`(() => {
        const dataTransfer = new DataTransfer()
        dataTransfer.items.add(${kind === 'file' ? "new File(['a'], 'a.wav')" : "'a', 'text/plain'"})
        const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true })
        document.body.dispatchEvent(drop)
        return drop.defaultPrevented
      })()`)
    await page.getByRole('button', { name: 'Generate' }).waitFor()
    assert.deepEqual([await isPrevented('file'), await isPrevented('text')], [true, false])
  })
})

describe('the process view', () => {
  studioTest('mixes noise into a recording while it plays', 'process', async page => {
    const slider = page.getByRole('slider', { name: 'Diffusion step t' })
    await slider.waitFor()
    const figure = 'section[aria-labelledby="forward-title"] .sound canvas'
    await slider.fill('0')
    const clean = await canvasStatistics(page, figure)
    const ratio = () => page.locator('.facts dd').last().textContent().then(String)
    const cleanRatio = Number.parseFloat(await ratio())
    await hears(page, () => page.getByRole('button', { name: 'Play the noisy recording' }).click())
    const played = await page.evaluate('playedBuffers.length')
    await slider.focus()
    await page.keyboard.press('End')
    await holds(page, `document.querySelector('#forward-t').value === '49'`)
    assert.ok(Number.parseFloat((await ratio()).replace('−', '-')) < cleanRatio - 20)
    // The noise fills the picture, and nothing was started anew.
    const noisy = await canvasStatistics(page, figure)
    assert.ok(noisy.lightness > clean.lightness + 10, `${clean.lightness} to ${noisy.lightness}`)
    assert.equal(await page.evaluate('playedBuffers.length'), played)
    const forward = page.getByRole('region', { name: 'Forward' })
    await page.route('**/v1/forward*', () => {})
    await page.getByRole('button', { name: 'New seed' }).click()
    await forward.getByRole('button', { name: 'Stop' }).click()
    await page.unroute('**/v1/forward*')
    await forward.getByRole('button', { name: 'Start again' }).click()
    await forward.getByRole('status').getByText('done').waitFor()
  })

  studioTest('shows every reverse step, and updates when a setting changes', 'process', async page => {
    const frames = page.locator('.frame')
    await page.locator('.frame').nth(6).waitFor()
    assert.equal(await frames.count(), 7)
    for (const part of [0, 1, 2]) {
      const { colours, opaque } = await canvasStatistics(page, `.part >> nth=${part} >> canvas`)
      assert.ok(colours > 50 && opaque > 1000, `part ${part}: ${colours} colours`)
    }
    await page.getByRole('slider', { name: 'Step of sampling' }).focus()
    await page.keyboard.press('Home')
    assert.equal(await frames.first().getAttribute('aria-pressed'), 'true')
    assert.equal(await page.locator('.empty', { hasText: 'not yet predicted' }).count(), 2)
    await page.keyboard.press('ArrowRight')
    assert.equal(await frames.nth(1).getAttribute('aria-pressed'), 'true')
    await hears(page, () => page.getByRole('button', { name: 'Play the chosen sound' }).click())
    await page.getByLabel('x̂₀, clean').check()
    await page.getByRole('spinbutton', { name: 'Steps' }).fill('3')
    await page.getByRole('spinbutton', { name: 'Steps' }).press('Tab')
    await holds(page, `document.querySelectorAll('.frame').length === 4`)
    const buffers = (await page.evaluate('playedBuffers')) as { rms: number }[]
    assert.ok(buffers.every(({ rms }) => rms > 1e-4))
    await page.setViewportSize({ width: 1280, height: 500 })
    const { height } = (await page.getByRole('complementary').boundingBox())!
    assert.ok(height < 500, `settings of ${height} px cannot all be reached`)
  })

  studioTest('keeps a recording that is dropped before the example has come', 'generate', async page => {
    await page.getByRole('button', { name: 'Generate' }).waitFor()
    let release = () => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    await page.route('**/*.wav', async route => {
      await released
      await route.continue()
    })
    await page.reload()
    await page.getByRole('link', { name: 'Process' }).click()
    await page.locator('input[type=file]').setInputFiles(file('noise.wav', noiseWav(0, 4000)))
    await page.getByText('Now: noise.wav').waitFor()
    const example = page.waitForResponse('**/*.wav')
    release()
    await (await example).finished()
    await page.unroute('**/*.wav')
    await page.locator('.frame').nth(6).waitFor()
    assert.equal(await page.getByText('Now: noise.wav').count(), 1)
  })

  studioTest(
    'is accessible and fits a phone, also when it explains why a file is refused',
    'process',
    async page => {
      await page.locator('.frame').nth(6).waitFor()
      const slider = page.getByRole('slider', { name: 'Step of sampling' })
      const widths = new Set<number>()
      for (const [key, shown] of [
        ['Home', 'start'],
        ['End', 'step 6'],
      ] as const) {
        await slider.press(key)
        const frame = page.locator('.frame[aria-pressed=true]', { hasText: shown })
        await frame.waitFor()
        const [strip, { x, width }] = [await page.locator('.filmstrip').boundingBox(), (await frame.boundingBox())!]
        assert.ok(x >= strip!.x && x + width <= strip!.x + strip!.width, `${shown} is not in view`)
        widths.add((await slider.boundingBox())!.width)
      }
      assert.equal(widths.size, 1, 'the slider moves under the pointer')
      const tops = await page.locator('nav a').evaluateAll(links => links.map(link => link.getBoundingClientRect().top))
      assert.equal(tops.length, 5)
      assert.equal(new Set(tops).size, 1, 'all views in one line')
      const file = { name: 'letter.txt', mimeType: 'text/plain', buffer: Buffer.from('Dear Sir or Madam') }
      await page.locator('input[type=file]').setInputFiles(file)
      const alert = page.getByRole('alert').first()
      await alert.waitFor()
      const text = String(await alert.textContent())
      assert.match(text, /Expected[\s\S]*UNSUPPORTED_FORMAT/)
      assert.equal(text.match(/expected/gi)?.length, 1, text)
      await assertAccessible(page)
      await assertNoOverflow(page)
    },
    { width: 360, refused: /status of 415/ },
  )
})

describe('the generate view', () => {
  studioTest(
    'makes a wall of clips to see, hear, keep and save',
    'generate',
    async page => {
      await page.getByLabel('Clips', { exact: true }).fill('3')
      const length = page.getByLabel('Length, s')
      await length.fill('31')
      await length.press('Enter')
      await page.locator('#generate-seconds-problem').waitFor()
      await holds(page, `document.activeElement.id === 'generate-seconds'`)
      assert.equal(await page.locator('.progress').count(), 0)
      // It lies between the steps of the arrow keys.
      await length.fill('0.305')
      await page.getByRole('button', { name: 'Generate' }).click()
      const clips = page.locator('.clip')
      await clips.nth(2).waitFor()
      for (const i of [0, 1, 2]) {
        const { colours } = await canvasStatistics(page, `.clip >> nth=${i} >> canvas`)
        assert.ok(colours > 50, `clip ${i} has ${colours} colours`)
      }
      const seeker = clips.nth(1).getByRole('slider')
      await seeker.focus()
      await hears(page, () => page.keyboard.press(' '), { hold: true })
      await page.keyboard.press(' ')
      const wav = await post(service, '/v1/generate?seed=2&seconds=0.305&format=32f')
      const { samples } = decodeWav(new Uint8Array(await wav.arrayBuffer()), 'clip')
      assert.deepEqual(await page.evaluate('[...lastPlayed]'), [...samples])
      await page.keyboard.press('Home')
      await page.keyboard.press('ArrowRight')
      const position = () => seeker.getAttribute('aria-valuenow')
      assert.equal(await position(), '0.1')
      for (const [key, expected] of [
        ['ArrowUp', '0.2'],
        ['Alt+ArrowRight', '0.2'],
        ['PageUp', '0.3'],
        ['ArrowDown', '0.2'],
      ] as const) {
        await page.keyboard.press(key)
        assert.equal(await position(), expected, key)
      }
      await seeker.scrollIntoViewIfNeeded()
      const { x, y, width } = (await seeker.boundingBox())!
      await page.mouse.move(x + width / 3, y + 20)
      await page.mouse.down({ button: 'right' })
      await page.mouse.move(x + width / 2, y + 20)
      await page.mouse.up({ button: 'right' })
      assert.equal(await position(), '0.2', 'the right button')
      await page.mouse.move(x + width / 3, y - 20)
      await page.mouse.down()
      await page.mouse.move(x + width / 3, y + 20)
      await page.mouse.up()
      assert.equal(await position(), '0.2', 'a button that went down elsewhere')
      const keep = clips.nth(1).getByRole('button', { name: 'Keep' })
      await keep.click()
      assert.equal(await keep.getAttribute('aria-pressed'), 'true')
      const saving = page.waitForEvent('download')
      await clips.nth(1).getByRole('button', { name: 'Save' }).click()
      assert.equal((await saving).suggestedFilename(), 'noise-seed-2.wav')
      await page.getByRole('button', { name: 'New seed' }).click()
      await page.getByRole('button', { name: 'Generate' }).click()
      await holds(page, `document.querySelectorAll('.clip').length === 4`)
      assert.equal(await page.locator('.clip.kept').count(), 1)
      const archive = page.waitForEvent('download')
      await page.getByRole('button', { name: 'Save 1 kept' }).click()
      assert.equal((await archive).suggestedFilename(), 'diffwave-clips.zip')
      await assertAccessible(page)
      await assertNoOverflow(page)
    },
    { width: 360, dark: true },
  )
})

describe('the vocode view', () => {
  studioTest(
    'takes a file that comes as soon as there is a place for it',
    'generate',
    async page => {
      await page.getByRole('button', { name: 'Generate' }).waitFor()
      await page.evaluate(`File.prototype.arrayBuffer = async () => new TextEncoder().encode('Dear Sir').buffer
      new MutationObserver((_, observer) => {
        const input = document.querySelector('input[type=file]')
        if (input === null) return
        observer.disconnect()
        const chosen = new DataTransfer()
        chosen.items.add(new File([], 'letter.txt'))
        input.files = chosen.files
        input.dispatchEvent(new Event('change', { bubbles: true }))
      }).observe(document.body, { childList: true, subtree: true })
      location.hash = '#/vocode'`)
      await page.getByRole('alert').getByText('UNSUPPORTED_FORMAT').waitFor({ timeout: 30_000 })
    },
    { refused: /status of 415/ },
  )

  studioTest(
    'compares a recording with its copies, switches them while they play, and takes mels',
    'vocode',
    async page => {
      await page.locator('input[type=file]').setInputFiles(file('noise.wav', noiseWav(0, 22_050)))
      await page.getByLabel('Griffin-Lim', { exact: true }).waitFor()
      for (const i of [0, 1, 2, 3]) {
        const { colours } = await canvasStatistics(page, `.systems .part >> nth=${i} >> canvas`)
        assert.ok(colours > 50, `picture ${i} has ${colours} colours`)
      }
      assert.equal(await page.locator('table thead th').count(), 4)
      assert.ok((await page.locator('table tbody tr').count()) > 10)
      const play = page.getByRole('button', { name: 'Play noise.wav' })
      await hears(page, () => play.click(), { hold: true })
      const started = await page.evaluate('playedBuffers.length')
      assert.equal(started, 4)
      await page.getByLabel('Model', { exact: true }).last().focus()
      await page.keyboard.press('ArrowLeft')
      assert.ok(await page.getByRole('radio', { name: 'Original' }).isChecked())
      await page.getByLabel('Griffin-Lim', { exact: true }).check()
      await hears(page, () => resumeSound(page))
      // Nothing was started anew: the other sounds ran along.
      assert.equal(await page.evaluate('playedBuffers.length'), started)
      await assertAccessible(page)
      await page.locator('input[type=file]').setInputFiles(file('mel.npy', npyMel(8)))
      await page.getByLabel('Griffin-Lim', { exact: true }).nth(1).waitFor()
      assert.equal(await page.getByRole('radio', { name: 'Original' }).count(), 1)
      await page.getByRole('button', { name: 'Remove mel.npy' }).press('Enter')
      await holds(page, `document.activeElement.id === 'main'`)
    },
  )
})

describe('the repair view', () => {
  studioTest(
    'fills gaps of the mouse and the keyboard, and removes noise from its own example',
    'repair',
    async page => {
      const fill = page.getByRole('button', { name: 'Fill the gaps' })
      await page
        .locator('input[type=file]')
        .first()
        .setInputFiles(file('noise.wav', noiseWav(0, 22_050)))
      await fill.waitFor()
      assert.ok(await fill.isDisabled())
      const picture = page.getByRole('slider', { name: /gaps removed/ })
      const { x, y, width } = (await picture.boundingBox())!
      await page.mouse.move(x + width / 2, y + 40)
      await page.mouse.down()
      await page.mouse.move(x + width / 2 + 30, y + 60, { steps: 4 })
      await page.mouse.up()
      await picture.focus()
      for (let i = 0; i < 2; i++) await page.keyboard.press('ArrowRight')
      await page.getByRole('button', { name: 'Add a gap at the playhead' }).click()
      assert.equal(await page.locator('.gaps li').count(), 2)
      await page
        .getByRole('button', { name: /^Remove the gap/ })
        .last()
        .press('Enter')
      // The focus stays near what was removed.
      await holds(page, `document.activeElement.className === 'gaps'`)
      await fill.click()
      await page.getByLabel('Filled', { exact: true }).waitFor()
      assert.ok(await page.getByLabel('Filled', { exact: true }).isChecked())
      await hears(page, () => page.getByRole('button', { name: 'Play noise.wav' }).click())
      const buffers = (await page.evaluate('playedBuffers')) as { rms: number }[]
      const [original, gaps, filled] = buffers.map(({ rms }) => rms)
      assert.ok(gaps! < original! && filled! > gaps!, JSON.stringify(buffers))
      await page.getByRole('button', { name: 'Make an example' }).click()
      await page.getByRole('button', { name: 'Denoise' }).click()
      await page.getByLabel('Denoised', { exact: true }).waitFor()
      await assertAccessible(page)
    },
  )
})

describe('the training view', () => {
  studioTest(
    'shows the growing curves of a run, and its clips',
    'training',
    async page => {
      const step = page.locator('.facts dd').first()
      await step.waitFor()
      assert.equal(await step.textContent(), '200')
      const before = await canvasStatistics(page, '.curve canvas')
      assert.ok(before.colours > 5)
      appendFileSync(join(folder, 'voice', 'metrics.jsonl'), line(300))
      await holds(page, `document.querySelector('.facts dd').textContent === '300'`)
      await hears(page, () => page.getByRole('button', { name: 'Play the clip' }).click())
      // As if the window came to a screen with twice the pixels. Chromium only notices it with a new height.
      const screen = await page.context().newCDPSession(page)
      const metrics = { width: 360, height: 901, deviceScaleFactor: 2, mobile: false }
      await screen.send('Emulation.setDeviceMetricsOverride', metrics)
      await holds(
        page,
        `[...document.querySelectorAll('canvas')].every(({ width, clientWidth }) => width === 2 * clientWidth)`,
      )
      await assertAccessible(page)
      await assertNoOverflow(page)
    },
    { width: 360 },
  )
})

test('the documentation of the API is read on a phone, with tables that scroll', { skip: noBrowser }, async () => {
  const { page } = await openDocument(`${service.url}/docs`, { width: 360 })
  await assertAccessible(page)
  await assertNoOverflow(page)
  const cells = await page
    .locator('td:last-child')
    .evaluateAll(all => all.map(cell => cell.getBoundingClientRect().width))
  assert.ok(Math.min(...cells) > 150, `columns of ${Math.min(...cells)} px`)
  const scrolled = await page.locator('table').evaluateAll(all =>
    all.map(table => {
      const parent = table.parentElement!
      parent.scrollLeft = 1e4
      return table.getBoundingClientRect().right - parent.getBoundingClientRect().right
    }),
  )
  assert.ok(
    scrolled.every(left => left < 1),
    String(scrolled),
  )
})
