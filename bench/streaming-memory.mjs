// Measures the peak memory of streaming from a mel file to a WAV file for several lengths of the mel. The engine
// returns zeros at no cost, so the result is the memory of the pipeline itself.
// usage: npm run build && node bench/streaming-memory.mjs [MINUTES …]    default: 1 10 60
import { execFileSync } from 'node:child_process'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'

const FRAMES_PER_MINUTE = Math.round((60 * 22050) / 256)
const BANDS = 80

/** Writes a mel of zeros [80 × frames] as .npy, row by row. */
async function writeZeros(path, frames) {
  const file = createWriteStream(path)
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${BANDS}, ${frames}), }`
  file.write(Buffer.from(`\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n`, 'latin1'))
  const row = new Uint8Array(frames * 4)
  for (let band = 0; band < BANDS; band++) file.write(row)
  file.end()
  await finished(file)
}

/** @returns {Promise<never>} */
async function unused() {
  throw new Error('streams do not call this')
}

/** An engine that predicts ε = 0 at no cost, with the lag of a real network. */
function zeroEngine(network, radius) {
  return {
    name: 'zero',
    device: 'none',
    network,
    openStream({ steps }) {
      const passes = steps.map(() => ({ fed: 0, returned: 0 }))
      return {
        latency: radius,
        pushMel() {},
        async predict(index, audio, last) {
          const pass = passes[index]
          pass.fed += audio.length
          const final = last ? pass.fed : Math.max(pass.returned, pass.fed - radius)
          const eps = new Float32Array(final - pass.returned)
          pass.returned = final
          return eps
        },
        dispose() {},
      }
    },
    predict: unused,
    lossGradients: unused,
    backward: unused,
    setParameters: unused,
    dispose: async () => {},
  }
}

async function measure(path, out) {
  const { Denoiser, openMel, Vocoder, writeWavStream } = await import('../dist/index.js')
  const { readModel } = await import('../dist/model/read-model.js')
  const { config } = await readModel(fileURLToPath(new URL('../models/lmnt-speech', import.meta.url)))
  const vocoder = new Vocoder(new Denoiser(config, zeroEngine(config.network, 3069)))
  const mel = await openMel(path, BANDS)
  const start = performance.now()
  let first = 0
  const stream = vocoder.stream(mel, { seed: 1, steps: 6, chunkFrames: 32 })
  const timed = Object.assign(
    (async function* () {
      for await (const piece of stream) {
        if (first === 0) first = performance.now() - start
        yield piece
      }
    })(),
    { sampleRate: stream.sampleRate, length: stream.length },
  )
  await writeWavStream(out, timed)
  const seconds = (performance.now() - start) / 1000
  console.log(JSON.stringify({ maxRss: process.resourceUsage().maxRSS / 1024, first, seconds }))
}

if (process.argv[2] === 'child') await measure(process.argv[3], process.argv[4])
else {
  const folder = mkdtempSync(join(tmpdir(), 'diffwave-memory-'))
  try {
    const minutes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1, 10, 60]
    for (const count of minutes) {
      const path = join(folder, 'mel.npy')
      await writeZeros(path, count * FRAMES_PER_MINUTE)
      const child = [fileURLToPath(import.meta.url), 'child', path, join(folder, 'out.wav')]
      const { maxRss, first, seconds } = JSON.parse(execFileSync(process.execPath, child, { encoding: 'utf8' }))
      console.log(
        `${count} min of mel: peak ${maxRss.toFixed(0)} MB, first audio after ${first.toFixed(0)} ms, ` +
          `total ${seconds.toFixed(1)} s`,
      )
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
