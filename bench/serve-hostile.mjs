// Hostile requests to `diffwave serve`: damaged files, bad JSON and options, path tricks, huge headers, wrong methods,
// bodies that break off or arrive slowly, jobs and events of other clients. Fails if the service crashes, hangs for 30
// s, answers with 500, or refuses without a code.
// usage: npm run build && node bench/serve-hostile.mjs [--requests 100000] [--parallel 24] [--seed 1]
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { randomOf } from '../scripts/fuzz/random.mjs'
import { targets } from '../scripts/fuzz/targets.mjs'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    parallel: { type: 'string', default: '24' },
    seed: { type: 'string', default: '1' },
  },
})
const [total, parallel, seed] = [values.requests, values.parallel, values.seed].map(Number)

const HANG_SECONDS = 30
/** One in this many requests arrives slowly. Each occupies a connection for a second. */
const SLOW_EVERY = 500
const inRepository = path => fileURLToPath(new URL(`../${path}`, import.meta.url))
const small = name => inRepository(`test/golden/lmnt-${name}-c8-l6/weights.pt`)

/** Starts the service as a process, with limits that keep each request short. */
async function start() {
  const models = [`voice=${small('conditional')}`, `noise=${small('unconditional')}`]
  const limits = ['--rate', '0', '--per-client', '10000', '--queue', '1000', '--max-seconds', '2', '--max-work', '10']
  const args = ['serve', '--port', '0', '--models', ...models, '--max-body', '1', '--result-memory', '64', ...limits]
  const child = spawn(process.execPath, [inRepository('dist/cli/main.js'), ...args])
  let stderr = ''
  const faults = []
  let rest = ''
  child.stdout.on('data', data => {
    const lines = (rest + data).split('\n')
    rest = lines.pop()
    for (const line of lines) if (line.includes('"level":50')) faults.push(line)
  })
  const ended = new Promise(resolve => child.on('close', resolve))
  const url = await new Promise((resolve, reject) => {
    child.stderr.on('data', data => {
      stderr += data
      const found = /listening on (http:\S+),/.exec(stderr)
      if (found !== null) resolve(found[1])
    })
    void ended.then(() => reject(new Error(stderr)))
  })
  return { child, url, ended, faults, messages: () => stderr }
}

const service = await start()
const { hostname, port } = new URL(service.url)
const agent = new Agent({ keepAlive: true, maxSockets: parallel })
const findings = []
const statuses = new Map()

function memory() {
  const text = readFileSync(`/proc/${service.child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(text)[1]) / 1024
}

/** Records what is wrong with a response. */
function judge(status, type, text, what, method = 'POST') {
  statuses.set(status, (statuses.get(status) ?? 0) + 1)
  if (status === 500) findings.push({ what, status, text })
  // Answers to HEAD have no body.
  if (status < 400 || method === 'HEAD') return
  try {
    const { code, expected, got, hint } = JSON.parse(text)
    if (!type.startsWith('application/problem+json') || ![code, expected, got, hint].every(Boolean)) throw new Error()
  } catch {
    findings.push({ what, status, type, text: text.slice(0, 300) })
  }
}

/**
 * Sends a request through the client library of Node.
 *
 * @param {any} message
 * @returns {Promise<void>}
 */
function send({ method = 'POST', path, body = '', headers = {}, leave = false }, what) {
  return new Promise(resolve => {
    const options = { hostname, port, method, path, agent, headers: { 'content-length': body.length, ...headers } }
    const timer = setTimeout(() => {
      findings.push({ what, status: `no answer within ${HANG_SECONDS} s` })
      req.destroy()
      resolve()
    }, HANG_SECONDS * 1000)
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    const req = request(options, response => {
      let text = ''
      response.on('data', data => {
        if (response.statusCode >= 400) text += data
        if (leave) req.destroy()
      })
      response.on('end', () => judge(response.statusCode, response.headers['content-type'] ?? '', text, what, method))
      response.on('close', end)
      response.on('error', () => {})
    })
    req.on('error', end)
    req.end(body)
  })
}

/**
 * Sends raw text over a separate connection. The response must be a problem document or empty.
 *
 * @returns {Promise<void>}
 */
function raw(text, what, { pause = 0, destroy = false } = {}) {
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => {
      socket.write(text)
      if (destroy) setTimeout(() => socket.destroy(), pause)
      else setTimeout(() => socket.end(), pause)
    })
    socket.setTimeout(HANG_SECONDS * 1000, () => {
      findings.push({ what, status: 'the connection hangs' })
      socket.destroy()
    })
    socket.on('data', data => {
      answer += data.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? []
      const at = answer.indexOf('\r\n\r\n')
      const type = /content-type: (.*)\r/i.exec(answer)?.[1] ?? ''
      if (status !== undefined && at > 0) judge(Number(status), type, answer.slice(at + 4), what, text.split(' ')[0])
      resolve()
    })
  })
}

const files = targets.filter(target => target.seeds[0] instanceof Uint8Array)
const operations = ['vocode', 'mel', 'inpaint?gaps=0.1-0.2', 'denoise', 'forward?t=3', 'process', 'compare']
const names = [
  'model',
  'steps',
  'seed',
  'sampler',
  'eta',
  'label',
  'refine',
  'gaps',
  'format',
  'key',
  'index',
  'seconds',
]
const odd = [
  '',
  '-1',
  '1e309',
  'NaN',
  '0x10',
  '__proto__',
  'constructor',
  '\u0000',
  '%00',
  '../..',
  '9'.repeat(300),
  '🎵',
]
const pieces = [
  '..',
  '%2e%2e',
  '..%2f',
  '%5c..',
  '//',
  'v1',
  'jobs',
  'runs',
  'models',
  'files',
  '%00',
  '*',
  '?',
  '#',
  'a:b',
  ';',
]
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']
const json = '{"seconds": 0.05, "seed": 1, "steps": 2, "label": null, "format": "16", "count": 1}'
const option = random => `${random.of(names)}=${encodeURIComponent(random.of([...odd, String(random.below(99))]))}`

/** Sends a damaged file to one of the operations. */
function file(random) {
  const target = random.of(files)
  const body = Buffer.from(target.mutate(random.of(target.seeds), random, target.seeds))
  const headers = random.below(8) === 0 ? { prefer: 'respond-async' } : {}
  return send({ path: `/v1/${random.of(operations)}`, body: body.subarray(0, 900_000), headers }, `${target.name} file`)
}

function badJson(random) {
  const bytes = Buffer.from(json)
  for (let i = 0; i <= random.below(4); i++) bytes[random.below(bytes.length)] = random.below(256)
  const body = bytes.subarray(0, random.below(3) === 0 ? random.below(bytes.length) : bytes.length)
  return send({ path: '/v1/generate', body, headers: { 'content-type': 'application/json' } }, 'JSON')
}

function options(random) {
  const query = Array.from({ length: 1 + random.below(4) }, () => option(random)).join('&')
  return send({ path: `/v1/${random.of(['vocode', 'generate', 'mel'])}?${query}`, body: 'RIFF' }, 'options')
}

function path(random) {
  const text = Array.from({ length: 1 + random.below(7) }, () => random.of(pieces)).join(random.of(['/', '']))
  return raw(`${random.of(methods)} /${text} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`, `path ${text}`)
}

function headers(random) {
  const [name, size] = [random.of(['x', 'cookie', 'authorization', 'prefer', 'last-event-id']), random.below(40_000)]
  const line = `${name}: ${random.of(['a', '\u00ff', ',', '\t'])}`.padEnd(size, 'a')
  return raw(
    `GET /v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${line}\r\n\r\n`,
    `header ${name} ${size}`,
  )
}

function method(random) {
  const target = random.of(['/v1/vocode', '/v1/models', '/v1/jobs/x', '/healthz', '/metrics', '/docs', '/'])
  const type = random.of(['text/plain', 'multipart/form-data; boundary=x', 'x', 'application/json; charset=\u00e4', ''])
  return send({ method: random.of(methods), path: target, body: 'x', headers: { 'content-type': type } }, 'method')
}

/** Sends a body that is shorter than declared, cut off by the client. */
function brokenBody(random, slow) {
  const length = 1 + random.below(90_000)
  const head = `POST /v1/${random.of(operations)} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${length}\r\n`
  const body = 'RIFF'.repeat(random.below(2000))
  return raw(`${head}connection: close\r\n\r\n${body}`, 'broken body', {
    pause: slow ? 1000 : 0,
    destroy: random.below(2) > 0,
  })
}

function garbage(random) {
  const bytes = String.fromCharCode(...Array.from({ length: random.below(300) }, () => random.below(256)))
  const chunked = 'POST /v1/vocode HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n'
  return raw(random.below(2) === 0 ? bytes : chunked + bytes, 'garbage')
}

async function job(random) {
  const id = random.of(['x', '..', '%00', '__proto__', 'a'.repeat(400)])
  const rest = random.of(['', '/events', '/result', '/files/x', '/files/..%2f..', '/events?after=-1'])
  await send({ method: random.of(['GET', 'DELETE']), path: `/v1/jobs/${id}${rest}` }, 'job of a stranger')
}

/** Requests valid work, and leaves when the first bytes arrive. */
function leaving(random) {
  return send(
    { path: `/v1/generate?seconds=${random.next().toFixed(2)}1&steps=2`, leave: true },
    'a client that leaves',
  )
}

const kinds = [file, file, file, file, badJson, options, path, headers, method, brokenBody, garbage, job, leaving]
let next = 0
let [least, most] = [0, 0]

async function worker() {
  while (next < total) {
    const index = next++
    const random = randomOf(seed, index)
    if (index % SLOW_EVERY === 0) await brokenBody(random, true)
    else await random.of(kinds)(random)
    if (index === Math.floor(total / 10)) least = memory()
    if (index % 1000 === 0) most = Math.max(most, memory())
    if (index % 10_000 === 0) console.log(`${index} requests, ${memory().toFixed(0)} MB, ${findings.length} findings`)
  }
}

const begin = performance.now()
let crashed = false
void service.ended.then(() => {
  crashed = true
})
await Promise.race([Promise.all(Array.from({ length: parallel }, worker)), service.ended])
if (crashed) findings.push({ what: 'the service ended', text: service.messages() })
else {
  const health = await fetch(`${service.url}/healthz`)
  if (health.status !== 200) findings.push({ what: 'not healthy afterwards' })
  console.log(
    `memory: ${least.toFixed(0)} MB after a tenth, ${memory().toFixed(0)} MB at the end, ${most.toFixed(0)} MB peak`,
  )
  service.child.kill('SIGTERM')
  await service.ended
}
agent.destroy()
console.log(`${next} requests in ${((performance.now() - begin) / 1000).toFixed(0)} s`)
console.log(
  [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${status}: ${count}`)
    .join(', '),
)
for (const finding of findings.slice(0, 20)) console.log(JSON.stringify(finding))
for (const line of service.faults.slice(0, 10)) console.log(`log: ${line.slice(0, 1500)}`)
console.log(`${findings.length} findings, ${service.faults.length} faults in the log`)
process.exitCode = findings.length + service.faults.length > 0 ? 1 : 0
