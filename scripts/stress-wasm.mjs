// Calls the wasm engine many times with several threads, and fails if a call hangs. Its network is narrow and deep, so
// that the threads wait for each other as often as possible. Prints one line of JSON per number of threads.
// usage: npm run build && node scripts/stress-wasm.mjs [ROUNDS] [THREADS,…]    default: 300 rounds, 3 and 4 threads
// Options of node before the script's name choose V8's compilers: --liftoff-only, --no-liftoff.
import { createWasmEngine } from '../dist/engines/wasm/engine.js'
import { networkSchema } from '../dist/model/network.js'
import { parameterSpecs } from '../dist/model/parameters.js'

/** A call takes some 20 ms. This limit leaves room for machines that are busy with other work. */
const PATIENCE_MS = 30_000

const network = networkSchema.parse({ channels: 8, layers: 30, dilationCycle: 10 })
const parameters = new Map(
  parameterSpecs(network).map(({ name, shape }) => {
    const count = shape.reduce((product, size) => product * size, 1)
    return [name, { shape, data: new Float32Array(count).fill(0.01) }]
  }),
)
const audio = [new Float32Array(3000).fill(0.1)]

async function stress(rounds, threads) {
  const engine = await createWasmEngine({ network, parameters, threads })
  const started = performance.now()
  let slowest = 0
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    const watchdog = setTimeout(() => {
      console.error(`stress-wasm: round ${round} on ${threads} threads stands still`)
      process.exit(1)
    }, PATIENCE_MS)
    await engine.predict({ audio, steps: [3] })
    clearTimeout(watchdog)
    slowest = Math.max(slowest, performance.now() - begun)
  }
  await engine.dispose()
  const seconds = (performance.now() - started) / 1000
  console.log(JSON.stringify({ threads, rounds, seconds: +seconds.toFixed(1), slowest: +(slowest / 1000).toFixed(2) }))
}

const [rounds = '300', threads = '3,4'] = process.argv.slice(2)
for (const count of threads.split(',')) await stress(Number(rounds), Number(count))
