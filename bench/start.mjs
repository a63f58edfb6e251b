/**
 * Measures start-up time and peak memory of the command line in separate processes.
 *
 * usage: node bench/start.mjs [--runs 9]
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from '../scripts/build.mjs'

await build({ ifMissing: true })
const { readMel, writeMel } = await import('../dist/index.js')
const { values } = parseArgs({ options: { runs: { type: 'string', default: '9' } } })
const runs = Number(values.runs)
const repository = path => fileURLToPath(new URL(`../${path}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'diffwave-start-'))
const FRAMES_OF_ONE_SECOND = 86

/** Prints the peak of resident memory, in KiB, when the process ends. */
const ending = "process.on('exit',()=>process.stderr.write('PEAK '+process.resourceUsage().maxRSS))"
const watcher = `data:text/javascript,${ending}`

function measure(args) {
  const start = performance.now()
  const { status, stderr } = spawnSync(process.execPath, ['--import', watcher, ...args], { encoding: 'utf8' })
  const milliseconds = performance.now() - start
  if (status !== 0) throw new Error(stderr)
  return { milliseconds, megabytes: Number(/PEAK (\d+)/.exec(stderr)[1]) / 1024 }
}

try {
  const { mel } = await readMel(repository('samples/LJ001-0002.npy'))
  const data = Float32Array.from({ length: mel.bands * FRAMES_OF_ONE_SECOND }, (_, i) => {
    const [band, frame] = [Math.floor(i / FRAMES_OF_ONE_SECOND), i % FRAMES_OF_ONE_SECOND]
    return mel.data[band * mel.frames + frame]
  })
  const second = join(folder, 'second.npy')
  await writeMel(second, { data, bands: mel.bands, frames: FRAMES_OF_ONE_SECOND })
  const main = repository('dist/cli/main.js')
  const wav = join(folder, 'second.wav')
  const synthesize = [main, 'synthesize', second, '-o', wav, '--force']
  const cases = {
    'Node.js alone': ['-e', '0'],
    'diffwave --help': [main, '--help'],
    'diffwave synthesize, 1 s': synthesize,
    'the same with --precision fast': [...synthesize, '--precision', 'fast'],
  }
  const results = Object.fromEntries(Object.keys(cases).map(name => [name, []]))
  for (let i = 0; i < runs; i++) for (const [name, args] of Object.entries(cases)) results[name].push(measure(args))
  for (const [name, all] of Object.entries(results)) {
    const times = all.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b)
    const peak = Math.max(...all.map(({ megabytes }) => megabytes))
    const [best, median] = [times[0], times[times.length >> 1]]
    console.log(
      `${name}: best ${best.toFixed(0)} ms, median ${median.toFixed(0)} ms, peak memory ${peak.toFixed(0)} MB`,
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
