/**
 * A real browser for tests of pages: Debian's Chromium, headless. Its headless shell comes first, since it has no
 * windows to lay out and draw, and so takes a quarter less processor time.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'

// Imported, it would take a third longer to load: Node.js would search its megabytes of code for names of exports.
const { chromium } = createRequire(import.meta.url)('playwright-core') as typeof import('playwright-core')

const path = [
  process.env['CHROMIUM'],
  ...['chromium-headless-shell', 'chromium', 'google-chrome'].map(name => `/usr/bin/${name}`),
].find(one => one !== undefined && existsSync(one))

/** Why tests with a browser are skipped; `false` if they are not. */
export const noBrowser: string | false = path === undefined ? 'chromium is not installed' : false

/** Max milliseconds to wait for a page. It is long because other tests run at the same time. */
const PATIENCE = 90_000

/**
 * Features of Chromium that are turned off. Chromium uses only the last such switch, so this list repeats those of
 * Playwright's own features that tests could notice. The others cost processor time: each window would start renderers
 * for the invisible menu of its address bar, and each page a spare one.
 */
const DISABLED_FEATURES = [
  ...['AimEnabled', 'AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades'],
  ...['HttpsFirstBalancedModeAutoEnable', 'MediaRouter', 'NetworkTimeServiceQuerying', 'OptimizationHints'],
  ...['PaintHolding', 'PreconnectToSearch', 'ThirdPartyStoragePartitioning'],
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'SpareRendererForSitePerProcess'],
]

let browser: Promise<Browser> | undefined
// The browser is closed at the end of the file. Registered within a test, it would be closed at the end of that test.
after(async () => (await browser)?.close())

/** Audio that a page played: the root mean square and the seconds of each buffer, in order. */
export interface Played {
  readonly rms: number
  readonly seconds: number
}

declare global {
  var playedBuffers: Played[]
  /** The samples of the buffer that was played last. */
  var lastPlayed: Float32Array
  /** The loudest level at the loudspeaker since the last `listenAnew`. */
  var loudest: number
  var listenAnew: (hold: boolean) => void
  var resumeClock: () => Promise<void>
}

/**
 * Records the buffers that are played and the level at the loudspeaker all the time, since on a busy machine a sound
 * may end before the test asks for it. Runs in the page before the page's own code.
 */
function listen(): void {
  globalThis.playedBuffers = []
  const page = globalThis as unknown as Record<string, { prototype: Record<string, unknown> }>
  const source = page['AudioBufferSourceNode']!.prototype
  const start = source['start'] as (...args: unknown[]) => void
  source['start'] = function (
    this: { buffer: { getChannelData(i: number): Float32Array; duration: number } },
    ...args: unknown[]
  ) {
    const data = this.buffer.getChannelData(0)
    const sum = data.reduce((total, value) => total + value * value, 0)
    globalThis.lastPlayed = data
    globalThis.playedBuffers.push({ rms: Math.sqrt(sum / data.length), seconds: this.buffer.duration })
    return start.apply(this, args)
  }
  const node = page['AudioNode']!.prototype
  const connect = node['connect'] as (...args: unknown[]) => unknown
  interface Analyser {
    fftSize: number
    getFloatTimeDomainData(data: Float32Array): void
  }
  interface Context {
    readonly destination: unknown
    readonly currentTime: number
    readonly sampleRate: number
    createAnalyser(): Analyser
    suspend(): Promise<void>
    resume(): Promise<void>
  }
  let listening: { readonly context: Context; readonly analyser: Analyser } | undefined
  node['connect'] = function (this: { context: Context }, ...args: unknown[]) {
    const { context } = this
    if (args[0] === context.destination) {
      // A page may close its context and open another.
      if (listening?.context !== context) listening = { context, analyser: context.createAnalyser() }
      listening.analyser.fftSize = 8192
      connect.call(this, listening.analyser)
    }
    return connect.apply(this, args)
  }
  globalThis.loudest = 0
  let holdsNext = false
  let since = 0
  globalThis.listenAnew = hold => {
    globalThis.loudest = 0
    since = listening?.context.currentTime ?? 0
    holdsNext = hold
  }
  globalThis.resumeClock = async () => listening?.context.resume()
  const data = new Float32Array(8192)
  setInterval(() => {
    if (listening === undefined) return
    // Before that, the buffer still contains older sound.
    const { currentTime, sampleRate } = listening.context
    if (currentTime - since < data.length / sampleRate) return
    listening.analyser.getFloatTimeDomainData(data)
    const level = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length)
    globalThis.loudest = Math.max(globalThis.loudest, level)
    if (!holdsNext || level < 1e-3) return
    holdsNext = false
    void listening.context.suspend()
  }, 20)
}

export interface OpenedPage {
  readonly page: Page
  /** Errors of the console and of scripts so far. */
  readonly errors: string[]
}

export interface PageOptions {
  /** Pixels. Default: 1280. */
  readonly width?: number
  /** Whether the system has dark colours. Default: false. */
  readonly dark?: boolean
}

/**
 * Opens an address in a new context of the browser. The page must not send requests to other servers. The context is
 * closed at the end of the test, or of the file outside a test, because an open page keeps using the processor.
 */
export async function openPage(url: string, options: PageOptions = {}): Promise<OpenedPage> {
  const opened = await open(url, options)
  after(() => opened.page.context().close())
  return opened
}

/**
 * A page that the tests of a suite share, since to open one takes longer than most tests. It must be called in the
 * suite, outside a test.
 *
 * @returns a function that opens the page the first time, and returns it
 */
export function sharedPage(url: string, options: PageOptions = {}): () => Promise<OpenedPage> {
  let opened: Promise<OpenedPage> | undefined
  after(async () => (await opened)?.page.context().close())
  return () => {
    opened ??= open(url, options)
    return opened
  }
}

let shared: Promise<OpenedPage> | undefined
let documents = 0
// As for the browser.
after(async () => (await shared)?.page.context().close())

/**
 * Opens an address in the window that all calls share, one after the other: to start one takes longer than most tests.
 * What a document of the same server has stored is still there.
 */
export async function openDocument(url: string, options: PageOptions = {}): Promise<OpenedPage> {
  const { origin, pathname, hash } = new URL(url)
  // With the same path and query it would stay the same document.
  const fresh = `${origin}${pathname}?${++documents}${hash}`
  if (shared === undefined) {
    shared = open(fresh, options)
    return shared
  }
  const { page, errors } = await shared
  errors.length = 0
  const { viewport, colorScheme } = look(options)
  await page.setViewportSize(viewport)
  await page.emulateMedia({ colorScheme })
  await visit(page, fresh)
  return { page, errors }
}

/** The options as Playwright has them. */
function look({ width = 1280, dark = false }: PageOptions) {
  return { viewport: { width, height: 900 }, colorScheme: dark ? 'dark' : 'light' } as const
}

async function open(url: string, options: PageOptions): Promise<OpenedPage> {
  if (browser === undefined) {
    browser = chromium.launch({
      executablePath: path!,
      args: [
        ...['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--disable-gpu'],
        `--disable-features=${DISABLED_FEATURES}`,
      ],
      timeout: PATIENCE,
    })
  }
  const context = await (await browser).newContext({ ...look(options), acceptDownloads: true })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE)
  const errors: string[] = []
  page.on('console', message => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', error => errors.push(error.message))
  page.on('request', request => {
    const { origin, protocol } = new URL(request.url())
    if (origin !== origins.get(page) && !['blob:', 'data:'].includes(protocol)) errors.push(`asked ${request.url()}`)
  })
  await page.addInitScript(listen)
  await visit(page, url)
  return { page, errors }
}

/** The server of each page, the only one that it may ask. */
const origins = new WeakMap<Page, string>()

async function visit(page: Page, url: string): Promise<void> {
  origins.set(page, new URL(url).origin)
  await page.goto(url)
}

/** Waits until an expression is true in the page. Playwright's function evaluates text, which the policy forbids. */
export async function holds(page: Page, expression: string): Promise<void> {
  const end = performance.now() + PATIENCE
  while (!(await page.evaluate(expression))) {
    assert.ok(performance.now() < end, `never true: ${expression}`)
    await setTimeout(100)
  }
}

/**
 * Runs an action, and waits until the loudspeaker has made a sound after it.
 *
 * @param hold stops the page's audio clock at the sound until `resumeSound`, so that playback does not end before the
 * test has checked it, even on a slow machine
 */
export async function hears(
  page: Page,
  act: () => Promise<unknown>,
  { hold = false }: { readonly hold?: boolean } = {},
): Promise<void> {
  await page.evaluate(`listenAnew(${hold})`)
  await act()
  await holds(page, 'loudest > 1e-3')
}

/** Restarts the page's audio clock. */
export async function resumeSound(page: Page): Promise<void> {
  await page.evaluate('resumeClock()')
}

/** Asserts that axe-core finds no serious or critical problem. */
export async function assertAccessible(page: Page): Promise<void> {
  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
  if (!(await page.evaluate(() => 'axe' in globalThis))) {
    // The script is run through the debugger, because the page's policy forbids foreign scripts.
    const { readFileSync } = await import('node:fs')
    await page.evaluate(readFileSync(axe, 'utf8'))
  }
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(options: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>
      }
    }
    return (await axe.run({ resultTypes: ['violations'] })).violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      html: nodes.map(n => n.html),
    }))
  })
  assert.deepEqual(
    violations.filter(({ impact }) => impact === 'serious' || impact === 'critical'),
    [],
  )
}

/** Asserts that no element is wider than the page. */
export async function assertNoOverflow(page: Page): Promise<void> {
  const [content, window] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as number[]
  assert.ok(content! <= window!, `${content} pixels in a window of ${window}`)
}

/** The members of a canvas element that the tests use. */
interface PictureElement {
  readonly width: number
  readonly height: number
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray }
  }
}

/** Waits until all changes are drawn. Components draw after the next frame. */
async function drawn(page: Page): Promise<void> {
  const frame = 'new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))'
  for (let i = 0; i < 3; i++) await page.evaluate(frame)
}

/** Measures the pixels of a canvas: the number of colours, and the mean lightness, 0 to 255. */
export async function canvasStatistics(page: Page, selector: string) {
  await drawn(page)
  return page
    .locator(selector)
    .first()
    .evaluate(element => {
      const canvas = element as unknown as PictureElement
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      const colours = new Set<number>()
      let [sum, opaque] = [0, 0]
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] === 0) continue
        opaque++
        sum += 0.2126 * data[i]! + 0.7152 * data[i + 1]! + 0.0722 * data[i + 2]!
        colours.add(data[i]! * 65536 + data[i + 1]! * 256 + data[i + 2]!)
      }
      return { colours: colours.size, lightness: opaque === 0 ? 0 : sum / opaque, opaque }
    })
}
