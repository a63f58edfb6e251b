// Makes docs/images/speech.png, the README's picture: one sentence as a recording, from diffwave and from Griffin-Lim,
// with axes. A developer's tool: it needs Chromium to set the type.
// usage: node scripts/readme-picture.mjs [CHROMIUM]
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from './build.mjs'
import { root } from './compile.mjs'

await build({ ifMissing: true })
const { melSpectrogram, namedConventions, readWav } = await import('../dist/index.js')
const { drawSpectrograms } = await import('../dist/audio/picture.js')

const SENTENCE = 'LJ001-0002'
const rows = [
  ['original', 'Recording'],
  ['speech', 'diffwave, from the mel of the recording'],
  ['griffin-lim', 'Griffin-Lim, from the same mel'],
]
// Finer than the models' mels, so that single harmonics can be seen.
const convention = { ...namedConventions.tacotron2, hop: 64, bands: 160, fftSize: 2048, maxFrequency: 8000 }

let seconds = 0
const panels = []
for (const [suffix, title] of rows) {
  const audio = await readWav(join(root, 'samples', 'speech', `${SENTENCE}-${suffix}.wav`))
  seconds = audio.samples.length / audio.sampleRate
  const png = Buffer.from(drawSpectrograms([melSpectrogram(audio, convention)], 1)).toString('base64')
  panels.push(`<h2>${title}</h2><div class="row"><div class="y"><span>8 kHz</span><span>0</span></div>
    <img src="data:image/png;base64,${png}"></div>`)
}
const ticks = Array.from({ length: Math.floor(seconds / 0.5) + 1 }, (_, i) => i * 0.5)
const axis = ticks.map(t => `<span style="left:${(100 * t) / seconds}%">${t} s</span>`).join('')
const page = `<!doctype html><meta charset="utf-8"><style>
  body { margin: 16px; width: 1168px; background: #fff; color: #223; font: 16px sans-serif }
  h2 { font-size: 17px; margin: 10px 0 4px 56px } .row { display: flex }
  .y { width: 48px; margin-right: 8px; display: flex; flex-direction: column; justify-content: space-between;
       text-align: right; font-size: 13px } img { width: 1096px; height: 150px; image-rendering: pixelated }
  .x { position: relative; margin-left: 56px; height: 22px; width: 1096px; font-size: 13px }
  .x span { position: absolute }</style>${panels.join('')}<div class="x">${axis}</div>`

const folder = mkdtempSync(join(tmpdir(), 'diffwave-picture-'))
try {
  const file = join(folder, 'page.html')
  writeFileSync(file, page)
  const output = join(root, 'docs', 'images', 'speech.png')
  execFileSync(process.argv[2] ?? 'chromium', [
    ...['--headless', '--no-sandbox', '--hide-scrollbars', '--window-size=1200,590'],
    ...[`--screenshot=${output}`, pathToFileURL(file).href],
  ])
} finally {
  rmSync(folder, { recursive: true })
}
