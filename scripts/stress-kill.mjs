// Kills a training run again and again, and resumes it: no run may be lost or stuck, and no temporary file may be left.
// usage: node scripts/stress-kill.mjs [kills, default 1000] Rounds alternate between a plain process, one that trains
// in a worker thread, and, where `unshare` may be used, one in a pid namespace of its own, in which process ids repeat
// as they do in containers. Whenever a run reaches its end, its checkpoint is compared with that of a run that nobody
// killed, and the next run begins. Prints one line of JSON.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

const script = fileURLToPath(import.meta.url)
const STEPS = 40

/** An engine without a network: the gradients are a share of the weights. */
function toyEngine(network, initial) {
  let weights = initial
  return {
    name: 'toy',
    device: 'none',
    network,
    predict: async ({ audio }) => audio.map(clip => new Float32Array(clip.length)),
    lossGradients: async ({ audio }) => {
      await new Promise(resolve => setTimeout(resolve, 1))
      const gradients = new Map([...weights].map(([name, { data }]) => [name, data.map(w => 1e-3 * w)]))
      return { loss: 1, clipLosses: new Float32Array(audio.length).fill(1), gradients }
    },
    setParameters: async parameters => {
      weights = parameters
    },
    dispose: async () => {},
  }
}

async function train(out) {
  const { Trainer } = await import('../dist/index.js')
  const samples = Int16Array.from({ length: 4000 }, (_, i) => 3000 * Math.sin(i * i))
  const clip = { name: 'a.wav', label: '', samples }
  const report = { clips: 1, hours: 0, validationClips: 0, givenMels: 0, rates: new Map(), leftOut: [], notes: [] }
  const trainer = new Trainer({
    config: {
      model: {
        kind: 'generator',
        sampleRate: 8000,
        network: { channels: 4, layers: 2, dilationCycle: 2, patch: 4 },
        diffusion: { training: { kind: 'cosine', steps: 10 } },
      },
      data: { cropSamples: 256, batch: 1 },
      optimiser: { totalSteps: STEPS },
      every: { log: 1, validation: 1000, checkpoint: 1 },
    },
    data: { sampleRate: 8000, training: [clip], validation: [clip], report, fingerprint: 'toy' },
    out,
    resume: true,
    events: false,
    createEngine: async (model, weights) => toyEngine(model.network, weights),
    clock: () => 0,
  })
  for await (const _ of trainer.run());
}

const commands = {
  process: out => [process.execPath, script, 'train', out],
  worker: out => [process.execPath, script, 'worker', out],
  namespace: out => ['unshare', '-rpf', '--kill-child', '--mount-proc', process.execPath, script, 'train', out],
}

/**
 * Starts a trainer and kills it after a random time.
 * @returns what it said on stderr if it failed by itself, 'end', or 'killed'
 */
async function round(command, milliseconds) {
  const [program, ...rest] = command
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', text => {
    errors += text
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds)
  const [status, signal] = await new Promise(resolve => child.once('close', (...values) => resolve(values)))
  clearTimeout(timer)
  return signal === 'SIGKILL' ? 'killed' : status === 0 ? 'end' : errors.slice(0, 300)
}

const temporaries = folder =>
  readdirSync(folder, { recursive: true }).filter(name => /\.tmp$|\.claim$|lock\.json$/.test(name))

async function main(kills) {
  const scratch = mkdtempSync(join(tmpdir(), 'diffwave-stress-kill-'))
  const whole = join(scratch, 'whole')
  const began = performance.now()
  const first = await round(commands.process(whole), 600_000)
  if (first !== 'end') throw new Error(first)
  const life = performance.now() - began
  const expected = readFileSync(join(whole, 'checkpoint.safetensors'))
  const mayUnshare = spawnSync('unshare', ['-rpf', '--mount-proc', 'true']).status === 0
  const kinds = ['process', 'worker', ...(mayUnshare ? ['namespace'] : [])]
  const result = { kills: 0, starts: 0, runs: 0, lost: 0, stuck: [], temporaryFiles: 0, kinds }
  let out = join(scratch, 'run-0')
  while (result.kills < kills) {
    // The golden ratio's multiples spread kills over the whole life of a process, from its start on.
    const share = (result.starts * 0.618034) % 1
    const ended = await round(commands[kinds[result.starts % kinds.length]](out), 1.1 * life * share)
    result.starts++
    if (ended === 'killed') result.kills++
    else if (ended === 'end') {
      if (Buffer.compare(readFileSync(join(out, 'checkpoint.safetensors')), expected) !== 0) result.lost++
      result.temporaryFiles += temporaries(out).length
      rmSync(out, { recursive: true })
      out = join(scratch, `run-${++result.runs}`)
    } else {
      result.stuck.push(ended)
      if (result.stuck.length > 5) break
    }
  }
  // Whatever the last kill left is resumed, too.
  await train(out)
  if (Buffer.compare(readFileSync(join(out, 'checkpoint.safetensors')), expected) !== 0) result.lost++
  result.temporaryFiles += temporaries(out).length
  rmSync(scratch, { recursive: true })
  console.log(JSON.stringify(result))
  process.exitCode = result.lost + result.stuck.length + result.temporaryFiles === 0 ? 0 : 1
}

if (!isMainThread) await train(workerData)
else if (process.argv[2] === 'train') await train(process.argv[3])
else if (process.argv[2] === 'worker') new Worker(new URL(import.meta.url), { workerData: process.argv[3] })
else await main(Number(process.argv[2] ?? 1000))
