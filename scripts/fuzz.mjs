// Fuzzes every parser. Damaged files must be read or refused with an error code, within 2 s and 512 MB, and no parser
// may accept nonsense.
// usage: npm run fuzz -- [--seconds 60] [--inputs N] [--seed 1] [--jobs 2] [--ledger FILE] [--only N]
//   --inputs N      stop after N inputs, if the seconds are not over before
//   --ledger FILE   continue after the last input of this seed that the file counts, and add to its counts
//   --only N        parse the input of that index alone, in this process, and write it to fuzz-N.bin
import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './build.mjs'
import { root } from './compile.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    inputs: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    ledger: { type: 'string' },
    only: { type: 'string' },
  },
})
const [seconds, inputs, seed, jobs] = [values.seconds, values.inputs, values.seed, values.jobs].map(Number)
if (![seconds, inputs, seed, jobs].every(value => value >= 0)) {
  console.error('--seconds, --inputs, --seed and --jobs are numbers')
  process.exit(2)
}
await build({ ifMissing: true })

if (values.only !== undefined) {
  const { randomOf } = await import('./fuzz/random.mjs')
  const { targets } = await import('./fuzz/targets.mjs')
  const index = Number(values.only)
  const target = targets[index % targets.length]
  const random = randomOf(seed, index)
  const bytes = target.mutate(random.of(target.seeds), random, target.seeds)
  writeFileSync(`fuzz-${index}.bin`, bytes)
  console.log(`${target.name}, ${bytes.length} bytes: fuzz-${index}.bin`)
  await target.parse(bytes)
  console.log('accepted')
  process.exit(0)
}

/** The ledger of earlier runs: the number of inputs and findings, and the next index by seed. */
const ledger =
  values.ledger !== undefined && existsSync(values.ledger)
    ? JSON.parse(readFileSync(values.ledger, 'utf8'))
    : { inputs: 0, refused: 0, findings: 0, next: {} }
const base = ledger.next[seed] ?? 0

/** A process hangs if it spends this much CPU time on one input, or makes no progress for this long. */
const MAX_CPU_SECONDS = 10
const MAX_IDLE_SECONDS = 300
/** Clock ticks of a second in /proc. */
const TICKS = 100

/** Reads the CPU seconds of a process; 0 if the system does not report them. */
function cpuSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS
  } catch {
    return 0
  }
}
const folder = mkdtempSync(join(tmpdir(), 'diffwave-fuzz-'))
const findings = []
const total = { inputs: 0, refused: 0 }
/** The highest index that has been started. */
let last = base
let stopping = false

function found(finding) {
  findings.push(finding)
  if (findings.length <= 20) console.log(`input ${finding.index} (${finding.target}): ${finding.what}`)
}

/** Adds this run to the ledger. */
function writeLedger() {
  if (values.ledger === undefined) return
  const sums = {
    inputs: ledger.inputs + total.inputs,
    refused: ledger.refused + total.refused,
    findings: ledger.findings + findings.length,
    next: { ...ledger.next, [seed]: last + 1 },
  }
  writeFileSync(values.ledger, `${JSON.stringify(sums)}\n`)
}

function start(first) {
  last = Math.max(last, first)
  const progress = join(folder, `${first % jobs}`)
  const worker = fork(join(root, 'scripts', 'fuzz', 'worker.mjs'), [seed, first, jobs, progress].map(String), {
    execArgv: ['--max-old-space-size=384'],
  })
  const position = () => {
    try {
      return Number(readFileSync(progress, 'utf8').trim() || first)
    } catch {
      return first
    }
  }
  let [at, since, before] = [first, Date.now(), cpuSeconds(worker.pid)]
  let hung = false
  const watch = setInterval(() => {
    const now = position()
    last = Math.max(last, now)
    const spent = cpuSeconds(worker.pid)
    const isIdle = Date.now() - since > MAX_IDLE_SECONDS * 1000
    if (now !== at) [at, since, before] = [now, Date.now(), spent]
    else if ((spent - before > MAX_CPU_SECONDS || isIdle) && !stopping) {
      hung = true
      worker.kill('SIGKILL')
    }
  }, 500)
  worker.on('message', (/** @type {any} */ message) => {
    if ('count' in message) {
      total.inputs += message.count
      total.refused += message.refusals
      if (total.inputs >= inputs) stop()
    } else found(message)
  })
  /** @type {Promise<void>} */
  const done = new Promise(resolve => {
    worker.on('exit', (code, signal) => {
      clearInterval(watch)
      const index = position()
      last = Math.max(last, index)
      if (stopping) return resolve()
      if (code !== 3) found({ index, target: '', what: hung ? 'hung' : `the process ended: ${signal ?? code}` })
      resolve(start(index + jobs).done)
    })
  })
  workers.set(first % jobs, worker)
  return { done }
}

const workers = new Map()
const running = Array.from({ length: jobs }, (_, i) => start(base + i).done)
const timer = setTimeout(stop, seconds * 1000)
const saving = setInterval(writeLedger, 30_000)
function stop() {
  if (stopping) return
  stopping = true
  clearTimeout(timer)
  for (const worker of workers.values()) {
    if (worker.connected) worker.send('stop')
    setTimeout(() => worker.kill('SIGKILL'), 5000).unref()
  }
}
await Promise.all(running)
clearInterval(saving)
rmSync(folder, { recursive: true })

console.log(
  `${total.inputs} inputs, ${total.refused} refused, ${findings.length} findings ` +
    `(seed ${seed}; repeat one with --only N)`,
)
writeLedger()
if (values.ledger !== undefined) console.log(`${ledger.inputs + total.inputs} inputs in all runs of the ledger`)
process.exitCode = findings.length === 0 && total.inputs > 0 ? 0 : 1
