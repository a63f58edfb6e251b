// Compares the service with the library in the same run: time to the first audio, throughput of 16 parallel clients,
// and memory over many requests.
// usage: npm run build && node bench/serve-load.mjs [--rounds 7] [--requests 10000] [--model speech] [--clips 32]
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readMel, Vocoder } from '../dist/index.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    requests: { type: 'string', default: '10000' },
    clips: { type: 'string', default: '32' },
    model: { type: 'string', default: 'speech' },
  },
})
const [rounds, requests, clips] = [values.rounds, values.requests, values.clips].map(Number)
const CLIENTS = 16
const inRepository = path => fileURLToPath(new URL(`../${path}`, import.meta.url))
const melPath = inRepository('samples/LJ001-0002.npy')
const small = inRepository('test/golden/lmnt-conditional-c8-l6/weights.pt')

/** Starts a service on a free port. @returns its process, and the port once it listens */
function start() {
  const limits = ['--rate', '0', '--per-client', '64']
  const models = ['--models', values.model, `small=${small}`]
  const args = [inRepository('dist/cli/main.js'), 'serve', '--port', '0', ...models, ...limits]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let notes = ''
  return new Promise((resolve, reject) => {
    child.stderr.on('data', data => {
      notes += data
      const [, port] = /listening on http:\/\/[^:]+:(\d+)/.exec(notes) ?? []
      if (port !== undefined) resolve({ child, port: Number(port) })
    })
    child.on('close', () => reject(new Error(`the service does not start: ${notes}`)))
  })
}

const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })

const { child: service, port } = await start()

/** Sends a mel; returns seconds to the first byte and to the last. */
function vocode(body, query) {
  const begin = performance.now()
  const seconds = () => (performance.now() - begin) / 1000
  return new Promise((resolve, reject) => {
    const path = `/v1/vocode?${query}`
    const headers = { 'content-length': body.length }
    const req = request({ host: '127.0.0.1', port, method: 'POST', path, agent, headers }, response => {
      let first = null
      response.on('data', () => {
        first ??= seconds()
      })
      response.on('end', () =>
        response.statusCode === 200 ? resolve({ first, last: seconds() }) : reject(new Error(`${response.statusCode}`)),
      )
    })
    req.on('error', reject)
    req.end(body)
  })
}

/** The same work by the library. */
async function direct(vocoder, mel) {
  const begin = performance.now()
  let first = null
  for await (const piece of vocoder.stream(mel, { seed: 1 })) {
    if (piece.length > 0) first ??= (performance.now() - begin) / 1000
  }
  return { first, last: (performance.now() - begin) / 1000 }
}

/** Measures the seconds for `clips` clips with the given number in parallel. */
async function timed(parallel, work) {
  let next = 0
  const begin = performance.now()
  const worker = async () => {
    while (next++ < clips) await work()
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return (performance.now() - begin) / 1000
}

const memory = pid => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
const median = numbers => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
const milliseconds = seconds => `${(1000 * seconds).toFixed(0)} ms`

try {
  const vocoder = await Vocoder.load(values.model)
  const { mel } = await readMel(melPath, 80)
  const body = readFileSync(melPath)
  const query = `model=${values.model}&seed=1`
  const firsts = { service: [], library: [] }
  for (let round = 0; round < rounds; round++) {
    const [ours, own] = [await vocode(body, query), await direct(vocoder, mel)]
    if (round === 0) continue
    firsts.service.push(ours.first)
    firsts.library.push(own.first)
  }
  const [ours, own] = [median(firsts.service), median(firsts.library)]
  console.log(`first audio: service ${milliseconds(ours)}, library ${milliseconds(own)}, +${milliseconds(ours - own)}`)
  const ratios = []
  for (let round = 0; round < Math.max(3, Math.ceil(rounds / 2)); round++) {
    const served = await timed(CLIENTS, () => vocode(body, query))
    const called = await timed(CLIENTS, () => direct(vocoder, mel))
    const alone = await timed(1, () => direct(vocoder, mel))
    ratios.push(Math.min(called, alone) / served)
    console.log(
      `${clips} clips: service, ${CLIENTS} clients ${served.toFixed(2)} s; library, ${CLIENTS} streams ` +
        `${called.toFixed(2)} s, one by one ${alone.toFixed(2)} s`,
    )
  }
  console.log(`throughput of ${CLIENTS} clients: ${(100 * median(ratios)).toFixed(0)} % of the library’s better way`)
  await vocoder.dispose()
  const short = readFileSync(inRepository('samples/speech/LJ001-0002-original.wav'))
  const warmUp = Math.floor(requests / 5)
  let sent = 0
  let after = 0
  const worker = async () => {
    while (sent < requests) {
      if (sent++ === warmUp) after = memory(service.pid)
      if (sent % 1000 === 0) console.log(`${sent} requests: ${memory(service.pid).toFixed(0)} MB`)
      await vocode(short, 'model=small&steps=1&seed=1')
    }
  }
  if (requests > 0) {
    await Promise.all(Array.from({ length: CLIENTS }, worker))
    const end = memory(service.pid)
    console.log(
      `memory over ${requests} requests: ${after.toFixed(0)} MB after ${warmUp}, ${end.toFixed(0)} MB at the end`,
    )
  }
} finally {
  service.kill('SIGTERM')
  agent.destroy()
}
