/**
 * Runs `models/speech` in headless Chromium on one thread, with its default steps and refinement. Measures the
 * real-time factor of a clip, and the time until a streamed mel of ten minutes is heard. CHROMIUM names another browser
 * than Debian's.
 *
 * usage: node bench/browser.mjs [--runs 5]
 */
import { once } from 'node:events'
import { createReadStream, existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { loadavg } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import { build } from '../scripts/build.mjs'

await build({ ifMissing: true })
const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' } } })
const root = fileURLToPath(new URL('..', import.meta.url))
const types = { '.js': 'text/javascript', '.html': 'text/html', '.json': 'application/json' }

// Without the headers of cross-origin isolation: the page has one thread.
const server = createServer(({ url }, response) => {
  const path = normalize(new URL(url, 'http://localhost').pathname)
  if (path === '/') return response.setHeader('content-type', 'text/html').end('<!doctype html><title>bench</title>')
  const file = join(root, path)
  if (!existsSync(file)) return response.writeHead(404).end()
  response.setHeader('content-type', types[extname(path)] ?? 'application/octet-stream')
  createReadStream(file).pipe(response)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')

/** This function runs in the page. */
async function measure(runs) {
  const library = '/dist/browser/diffwave.js'
  const { readMel, Vocoder } = await import(library)
  const vocoder = await Vocoder.load('/models/speech')
  const { mel } = await readMel('/samples/LJ001-0002.npy')
  const repeated = frames => {
    const data = new Float32Array(mel.bands * frames)
    for (let i = 0; i < data.length; i++) {
      const [band, frame] = [Math.floor(i / frames), i % frames]
      data[i] = mel.data[band * mel.frames + (frame % mel.frames)]
    }
    return { data, bands: mel.bands, frames }
  }
  const { hop } = vocoder.config.mel
  const minutes = repeated(Math.round((600 * vocoder.sampleRate) / hop))
  const factors = []
  const delays = []
  for (let run = 0; run < runs; run++) {
    let started = performance.now()
    const { samples } = await vocoder.synthesize(mel, { seed: 1 })
    factors.push((performance.now() - started) / 1000 / (samples.length / vocoder.sampleRate))
    started = performance.now()
    for await (const piece of vocoder.stream(minutes, { seed: 1 })) {
      if (piece.length === 0) continue
      delays.push((performance.now() - started) / 1000)
      break
    }
  }
  return { engine: vocoder.device ?? vocoder.info?.device ?? '', factors, delays }
}

const list = numbers => numbers.map(value => value.toFixed(2)).join(', ')
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
try {
  const page = await browser.newPage()
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  await page.goto(`http://127.0.0.1:${port}/`)
  const { engine, factors, delays } = await page.evaluate(measure, Number(values.runs))
  console.log(`Chromium ${browser.version()}, one thread${engine && `, ${engine}`}; load average ${list(loadavg())}`)
  console.log(`real-time factor of a clip: ${Math.min(...factors).toFixed(2)} at best (${list(factors)})`)
  console.log(`first sound of ten minutes: ${Math.min(...delays).toFixed(2)} s at best (${list(delays)})`)
} finally {
  await browser.close()
  server.close()
}
