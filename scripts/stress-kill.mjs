// Repeatedly kills and resumes a training run. No run may be lost or stuck, and no temporary file may be left.
// usage: npm run build && node scripts/stress-kill.mjs [KILLS, default 1000]
//
// Each round starts a trainer on the same run and kills it at a random moment. In three of four rounds it already has
// the lock and is somewhere in the steps that are left, and in the other it is taking the lock. Rounds alternate
// between:
//   process    a process
//   workers    a process whose three worker threads all train the same run: one has the lock, the others wait for it
//   namespace  a process in a pid namespace of its own, in which process ids repeat as they do in containers (if
//              `unshare` may be used)
// Every second run is on a small file system of its own (if tmpfs may be mounted). In every second round that file
// system has no room, or no inodes, for another checkpoint or a part of it. After each round the checkpoint must be
// readable and no older than before. When a run reaches its end, its checkpoint is compared with that of an undisturbed
// run, and the next run begins. Prints one line of JSON, and the progress after every 100 kills.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

const script = fileURLToPath(import.meta.url)
const STEPS = 20
const WORKERS = 3
/** Free space of the file system when it is not meant to be full. */
const ROOM = 4 * 2 ** 20
/**
 * A round that takes longer is stuck. A process may wait 30 s for a lock, and on a busy machine it needs minutes for
 * the work of a second.
 */
const MAX_ROUND_MS = 600_000

/**
 * An engine without a network: the gradients are a share of the weights.
 *
 * @returns {any} the part of an `Engine` that this run needs
 */
function toyEngine(network, initial) {
  let weights = initial
  return {
    name: 'toy',
    device: 'none',
    network,
    predict: async ({ audio }) => audio.map(clip => new Float32Array(clip.length)),
    lossGradients: async ({ audio }) => {
      const gradients = new Map([...weights].map(([name, { data }]) => [name, data.map(w => 1e-3 * w)]))
      return { loss: 1, clipLosses: new Float32Array(audio.length).fill(1), gradients }
    },
    setParameters: async parameters => {
      weights = parameters
    },
    dispose: async () => {},
  }
}

/** Trains the run in `out` to its end. Prints `ready` before it takes the lock, `begun` when it has it, and `step`s. */
async function train(out) {
  const { trainingSteps } = await import('../dist/training/run/training-run.js')
  const { toyConfig } = await import('./toy-run.mjs')
  const samples = Int16Array.from({ length: 4000 }, (_, i) => 3000 * Math.sin(i * i))
  const clip = { name: 'a.wav', label: '', samples }
  const report = { clips: 1, hours: 0, validationClips: 0, givenMels: 0, rates: new Map(), leftOut: [], notes: [] }
  const config = toyConfig({
    optimiser: { totalSteps: STEPS },
    every: { log: 1, validation: 1000, checkpoint: 1 },
  })
  const steps = trainingSteps({
    config,
    data: { sampleRate: 8000, training: [clip], validation: [clip], report, fingerprint: 'toy' },
    out,
    resume: true,
    createEngine: async (model, weights) => {
      process.stdout.write('begun\n')
      return toyEngine(model.network, weights)
    },
    clock: () => 0,
  })
  process.stdout.write('ready\n')
  for await (const _ of steps) process.stdout.write('step\n')
}

/** A thread that trains as soon as it gets the lock. */
async function trainWhenFree(out) {
  for (;;) {
    try {
      return await train(out)
    } catch (error) {
      if (error.code !== 'LOCKED') throw error
    }
  }
}

/** Ends with status 3 if the disk is full, as expected. */
async function reporting(work) {
  try {
    await work
  } catch (error) {
    if (error.code !== 'DISK_FULL') throw error
    process.exit(3)
  }
}

/**
 * Trains in a worker thread. If the disk is full, the process ends.
 *
 * @returns {Promise<void>}
 */
function trainInWorker(out) {
  const worker = new Worker(new URL(import.meta.url), { workerData: out })
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', status => (status === 3 ? process.exit(3) : resolve()))
  })
}

const commands = {
  process: out => [process.execPath, script, 'train', out],
  workers: out => [process.execPath, script, 'workers', out],
  namespace: out => ['unshare', '-rpf', '--kill-child', '--mount-proc', process.execPath, script, 'train', out],
}

/**
 * Starts a trainer and kills it some milliseconds after it has printed a word a number of times; never by default.
 * @returns how it ended ('killed', 'end', 'full', or what it wrote to stderr if it failed), and the milliseconds from
 * its start at which it first printed each word and ended
 */
async function round(command, { word = 'step', count = Number.POSITIVE_INFINITY, milliseconds = 0 } = {}) {
  const [program, ...rest] = command
  const started = performance.now()
  const times = {}
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [printed, errors] = ['', '']
  child.stderr.on('data', text => {
    errors += text
  })
  let stuck = false
  const kill = () => child.kill('SIGKILL')
  let timer
  child.stdout.on('data', text => {
    printed += text
    for (const line of printed.split('\n')) times[line] ??= performance.now() - started
    if (timer === undefined && printed.split(word).length > count) timer = setTimeout(kill, milliseconds)
  })
  const limit = setTimeout(() => {
    stuck = true
    kill()
  }, MAX_ROUND_MS + milliseconds)
  const [status, signal] = await new Promise(resolve => child.once('close', (...values) => resolve(values)))
  clearTimeout(timer)
  clearTimeout(limit)
  times.end = performance.now() - started
  if (stuck) return { ended: 'no end', times }
  if (signal === 'SIGKILL') return { ended: 'killed', times }
  return { ended: status === 0 ? 'end' : status === 3 ? 'full' : errors.slice(0, 300), times }
}

const temporaries = folder =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => /\.tmp$|\.claim$|lock\.json$/.test(name))

/** The number of updates in a run's checkpoint; 0 if there is none. @throws if it cannot be read */
function stepOf(out, decodeSafetensors) {
  const path = join(out, 'checkpoint.safetensors')
  if (!existsSync(path)) return 0
  return JSON.parse(decodeSafetensors(new Uint8Array(readFileSync(path)), path).metadata.get('position')).step
}

/** A small file system for run folders. */
class SmallDisk {
  #folder

  constructor(folder) {
    this.#folder = folder
    mkdirSync(folder)
  }

  #mount(options) {
    return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', this.#folder]).status === 0
  }

  /** @returns whether file systems may be mounted */
  mount() {
    return this.#mount(`size=${ROOM},nr_inodes=1000`)
  }

  #remount(bytes, inodes) {
    const { status, stderr } = spawnSync('mount', ['-o', `remount,size=${bytes},nr_inodes=${inodes}`, this.#folder])
    if (status !== 0) throw new Error(String(stderr))
  }

  /** Leaves free space for the given number of bytes and inodes. */
  fill(bytes, inodes) {
    const entries = readdirSync(this.#folder, { recursive: true }).map(name => statSync(join(this.#folder, name)))
    const used = entries.reduce((sum, { size, blocks }) => sum + Math.max(size, 512 * blocks), 0)
    this.#remount(used + bytes, entries.length + 1 + inodes)
  }

  empty() {
    this.#remount(ROOM, 1000)
  }

  unmount() {
    spawnSync('umount', [this.#folder])
  }
}

async function main(kills) {
  const { decodeSafetensors } = await import('../dist/formats/safetensors.js')
  const scratch = mkdtempSync(join(tmpdir(), 'diffwave-stress-kill-'))
  const whole = join(scratch, 'whole')
  const began = performance.now()
  const { ended, times } = await round(commands.process(whole))
  if (ended !== 'end') throw new Error(ended)
  const taking = times.begun - times.ready
  const stepTime = (times.end - times.begun) / STEPS
  const expected = readFileSync(join(whole, 'checkpoint.safetensors'))
  const mayUnshare = spawnSync('unshare', ['-rpf', '--mount-proc', 'true']).status === 0
  const disk = new SmallDisk(join(scratch, 'disk'))
  const mayMount = disk.mount()
  const kinds = ['process', 'workers', ...(mayUnshare ? ['namespace'] : [])]
  const result = { kills: 0, starts: 0, runs: 0, lost: 0, stuck: [], temporaryFiles: 0, kinds, fullRounds: 0, full: 0 }
  const folderOf = run => join(scratch, mayMount && run % 2 === 1 ? 'disk' : '', `run-${run}`)
  const check = out => {
    if (Buffer.compare(readFileSync(join(out, 'checkpoint.safetensors')), expected) !== 0) result.lost++
    result.temporaryFiles += temporaries(out).length
  }
  let out = folderOf(0)
  let step = 0
  while (result.kills < kills && result.stuck.length <= 5) {
    const isFull = out.startsWith(join(scratch, 'disk')) && result.starts % 2 === 1
    // Multiples of the golden ratio spread the kills, and the free space of full disks, evenly.
    const share = (result.starts * 0.618034) % 1
    const left = (result.starts * 0.754878) % 1
    if (isFull) {
      const inodes = result.starts % 4 === 3 ? Math.floor(6 * left) : 100
      disk.fill(Math.floor(2 * expected.length * left), inodes)
      result.fullRounds++
    }
    const command = commands[kinds[result.starts % kinds.length]](out)
    const steps = share * (STEPS - step)
    const moment =
      result.starts % 4 === 1
        ? { word: 'ready', count: 1, milliseconds: 2 * taking * share }
        : {
            word: steps < 1 ? 'begun' : 'step',
            count: Math.max(1, Math.floor(steps)),
            milliseconds: stepTime * (steps % 1),
          }
    const { ended } = await round(command, moment)
    if (isFull) disk.empty()
    result.starts++
    if (ended === 'killed') {
      if (++result.kills % 100 === 0) console.error(JSON.stringify(result))
    } else if (ended === 'full' && isFull) result.full++
    else if (ended !== 'end') result.stuck.push(ended)
    try {
      const now = stepOf(out, decodeSafetensors)
      if (now < step) result.lost++
      step = now
    } catch {
      result.lost++
    }
    if (ended !== 'end') continue
    check(out)
    rmSync(out, { recursive: true })
    out = folderOf(++result.runs)
    step = 0
  }
  // The run is also resumed after the last kill.
  const last = await round(commands.process(out))
  if (last.ended !== 'end') result.stuck.push(last.ended)
  else check(out)
  disk.unmount()
  rmSync(scratch, { recursive: true })
  result.seconds = Math.round((performance.now() - began) / 1000)
  console.log(JSON.stringify(result))
  process.exitCode = result.lost + result.stuck.length + result.temporaryFiles === 0 ? 0 : 1
}

if (!isMainThread) await reporting(trainWhenFree(workerData))
else if (process.argv[2] === 'train') await reporting(train(process.argv[3]))
else if (process.argv[2] === 'workers')
  await Promise.all(Array.from({ length: WORKERS }, () => trainInWorker(process.argv[3])))
else await main(Number(process.argv[2] ?? 1000))
