// Measures the peak memory of `diffwave synthesize` with a real model for several lengths of the mel, from a file to a
// file and from a pipe to a pipe. The difference between a long and a short mel is the memory that grows with the
// length.
// usage: npm run build && node bench/long-mel-memory.mjs [--minutes 10,600] [--model speech] [--steps 2]
//          [--sampler ddim] [--refine 0] [--threads 2] [--ways file,pipe] [--mel samples/LJ001-0002.npy]
// Ten hours of `speech` with two steps take about half an hour each way, 1.0 GB of mel and 1.6 GB of WAV.
import { spawn } from 'node:child_process'
import { createReadStream, mkdtempSync, openSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10,600' },
    model: { type: 'string', default: 'speech' },
    steps: { type: 'string', default: '2' },
    sampler: { type: 'string', default: 'ddim' },
    refine: { type: 'string', default: '0' },
    threads: { type: 'string', default: '2' },
    ways: { type: 'string', default: 'file,pipe' },
    mel: { type: 'string', default: fileURLToPath(new URL('../samples/LJ001-0002.npy', import.meta.url)) },
  },
})
const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const { readMel } = await import('../dist/index.js')
const { mel } = await readMel(values.mel)
const FRAMES_PER_MINUTE = (60 * 22_050) / 256

/** Repeats the mel until it has the wanted length, `[bands × frames]`. */
async function writeLong(path, minutes) {
  const frames = Math.round(minutes * FRAMES_PER_MINUTE)
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${mel.bands}, ${frames}), }`
  const file = await open(path, 'w')
  await file.writeFile(Buffer.from(`\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n`, 'latin1'))
  for (let band = 0; band < mel.bands; band++) {
    const row = mel.data.subarray(band * mel.frames, (band + 1) * mel.frames)
    const repeated = Float32Array.from({ length: 100 * mel.frames }, (_, i) => row[i % mel.frames])
    for (let left = frames; left > 0; left -= repeated.length) {
      await file.writeFile(new Uint8Array(repeated.buffer, 0, 4 * Math.min(left, repeated.length)))
    }
  }
  await file.close()
}

/** Prints the peak memory of the process when it ends. */
const meter = `data:text/javascript,process.on('exit',()=>{
  process.stderr.write('peak '+process.resourceUsage().maxRSS+'\\n')})`.replaceAll(/\s+/g, ' ')

/** Runs the program in one of the two ways. @returns its peak in MB and the seconds that it took */
async function run(way, path, out) {
  const { model, steps, sampler, refine, threads } = values
  const words = ['synthesize', way === 'file' ? path : '-', '-m', model, '--steps', steps, '--refine', refine]
  words.push(
    '--sampler',
    sampler,
    '--threads',
    threads,
    '--seed',
    '1',
    '--force',
    ...(way === 'file' ? ['-o', out] : ['--stdout']),
  )
  const start = performance.now()
  const child = spawn(process.execPath, ['--import', meter, program, ...words], {
    stdio: ['pipe', way === 'file' ? 'ignore' : openSync(out, 'w'), 'pipe'],
  })
  let notes = ''
  child.stderr.on('data', text => {
    notes = (notes + text).slice(-4000)
  })
  const ended = new Promise(resolve => child.on('close', resolve))
  if (way === 'pipe') await pipeline(createReadStream(path), child.stdin)
  if ((await ended) !== 0) throw new Error(notes)
  const peak = Number(/peak (\d+)/.exec(notes)[1]) / 1024
  return { peak, seconds: (performance.now() - start) / 1000, bytes: statSync(out).size }
}

const folder = mkdtempSync(join(tmpdir(), 'diffwave-long-mel-'))
try {
  for (const minutes of values.minutes.split(',').map(Number)) {
    const path = join(folder, 'mel.npy')
    await writeLong(path, minutes)
    for (const way of values.ways.split(',')) {
      const { peak, seconds, bytes } = await run(way, path, join(folder, 'out.wav'))
      console.log(`${minutes} min, ${way}: peak ${peak.toFixed(0)} MB, ${seconds.toFixed(0)} s, WAV of ${bytes} bytes`)
      rmSync(join(folder, 'out.wav'))
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}
