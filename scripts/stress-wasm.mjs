// Synthesises many short clips on the wasm engine with several threads, and fails if one of them hangs. Prints
// one line of JSON per number of threads.
// usage: npm run build && node scripts/stress-wasm.mjs [ROUNDS] [THREADS,…]    default: 300 rounds, 3 and 4 threads
// Options of node before the script's name choose V8's compilers: --liftoff-only, --no-liftoff.
import { Vocoder } from '../dist/index.js'

/** A synthesis takes some 100 ms. This limit leaves room for machines that are busy with other work. */
const PATIENCE_MS = 30_000

const BANDS = 80
const FRAMES = 20

async function stress(rounds, threads) {
  const vocoder = await Vocoder.load('models/speech', { engine: 'wasm', threads })
  const data = Float32Array.from({ length: BANDS * FRAMES }, (_, i) => 3 * Math.sin(i) - 5)
  const started = performance.now()
  let slowest = 0
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    const watchdog = setTimeout(() => {
      console.error(`stress-wasm: round ${round} on ${threads} threads stands still`)
      process.exit(1)
    }, PATIENCE_MS)
    await vocoder.synthesize({ data, bands: BANDS, frames: FRAMES }, { seed: round, steps: 2, refine: 0 })
    clearTimeout(watchdog)
    slowest = Math.max(slowest, performance.now() - begun)
  }
  await vocoder.dispose()
  const seconds = (performance.now() - started) / 1000
  console.log(JSON.stringify({ threads, rounds, seconds: +seconds.toFixed(1), slowest: +(slowest / 1000).toFixed(2) }))
}

const [rounds = '300', threads = '3,4'] = process.argv.slice(2)
for (const count of threads.split(',')) await stress(Number(rounds), Number(count))
