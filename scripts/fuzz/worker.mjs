// One process of the fuzzer. It makes the inputs first, first + step, …, parses each, and reports wrong behaviour.
// usage: node worker.mjs <seed> <first> <step> <progress file>
import { createHash } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { DiffWaveError } from '../../dist/core/errors.js'
import { randomOf } from './random.mjs'
import { targets } from './targets.mjs'

/** Max CPU time of one input. */
const MAX_SECONDS = 2
const MAX_BYTES = 512 * 2 ** 20

const [seed, first, step] = process.argv.slice(2, 5).map(Number)
const progress = openSync(process.argv[5], 'w')
// The decoders in WASM print what they refuse.
console.error = () => {}

/** Returns the parser and the bytes for an index. */
export function inputOf(index) {
  const random = randomOf(seed, index)
  const target = targets[index % targets.length]
  const bytes = target.mutate(random.of(target.seeds), random, target.seeds)
  return { target, bytes }
}

async function attempt(index) {
  const { target, bytes } = inputOf(index)
  const report = what =>
    process.send({ index, target: target.name, what, bytes: Buffer.from(bytes).toString('base64') })
  const start = process.cpuUsage()
  let refused = false
  try {
    await target.parse(bytes)
  } catch (error) {
    refused = true
    if (!(error instanceof DiffWaveError)) report(`foreign error or nonsense: ${error?.stack ?? error}`)
    else if (typeof error.message !== 'string' || error.message.length > 2000)
      report('a message of more than 2000 characters')
  }
  const { user, system } = process.cpuUsage(start)
  if (user + system > MAX_SECONDS * 1e6) report(`took ${((user + system) / 1e6).toFixed(1)} s`)
  if (process.resourceUsage().maxRSS * 1024 > MAX_BYTES) {
    report(`took ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`)
    process.exit(3)
  }
  return refused
}

/**
 * Hashes the decoded valid files. The hash must not change: a decoder that a damaged file has broken would decode later
 * files wrongly.
 */
async function digest() {
  const hash = createHash('sha256')
  for (const { decode, seeds } of targets) {
    if (decode === undefined) continue
    for (const bytes of seeds) {
      const { samples } = await decode(bytes)
      hash.update(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))
    }
  }
  return hash.digest('hex')
}
/** Number of inputs between two checks of the valid files. */
const DIGEST_EVERY = 5000

const line = Buffer.alloc(16)
let [count, refusals, since] = [0, 0, 0]
const valid = await digest()
process.on('message', () => process.exit(0))
for (let index = first; ; index += step) {
  line.fill(' ')
  line.write(String(index))
  writeSync(progress, line, 0, 16, 0)
  if (await attempt(index)) refusals++
  if (++since % DIGEST_EVERY === 0 && (await digest()) !== valid) {
    process.send({ index, target: 'audio', what: 'valid files decode to something else since then' })
    process.exit(3)
  }
  if (++count % 20 === 0) {
    process.send({ count, refusals })
    ;[count, refusals] = [0, 0]
    // Yields to messages of the parent.
    await new Promise(resolve => setImmediate(resolve))
  }
}
