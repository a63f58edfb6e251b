/**
 * PyTorch in its own process (diffwave_torch.measure --serve of interop/pytorch). Network, weights and inputs are
 * passed as files.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gaussian } from '../../dist/core/random.js'
import { decodeSafetensors, encodeSafetensors } from '../../dist/formats/safetensors.js'

const home = fileURLToPath(new URL('../../interop/pytorch', import.meta.url))

export const howToGet = 'a Python with torch and numpy (Debian: python3-torch), or --python PATH'

/** Finds a Python with torch and numpy; null if there is none. */
export function findPytorch(given) {
  for (const python of given === undefined ? ['python3', '/usr/bin/python3'] : [given]) {
    if (spawnSync(python, ['-c', 'import numpy, torch']).status === 0) return python
  }
  return null
}

/** Opens PyTorch and, if possible, compiled PyTorch (`torch.compile`), by name. Returns nothing without a Python. */
export async function openPytorches(python, workload, { threads }) {
  if (python === null) return {}
  const canCompile = 'import sys, torch; sys.exit(not hasattr(torch.nn.Module, "compile"))'
  const compiles = spawnSync(python, ['-c', canCompile]).status === 0
  return {
    pytorch: await openPytorch(python, workload, { threads }),
    ...(compiles ? { 'pytorch:compiled': await openPytorch(python, workload, { threads, compile: true }) } : {}),
  }
}

/** Joins arrays of equal length. */
const concatenated = clips =>
  Float32Array.from({ length: clips.length * clips[0].length }, (_, i) => {
    const width = clips[0].length
    return clips[Math.floor(i / width)][i % width]
  })

/** The inputs of the script as tensors by name. */
function batchTensors(workload) {
  if (workload.batch !== undefined) {
    const { audio, target, mel } = workload.batch
    const clips = audio.length
    return new Map([
      ['audio', { shape: [clips, audio[0].length], data: concatenated(audio) }],
      ['target', { shape: [clips, audio[0].length], data: concatenated(target) }],
      ['mel', { shape: [clips, mel[0].bands, mel[0].frames], data: concatenated(mel.map(m => m.data)) }],
      ['sinusoids', { shape: [clips, workload.config.network.stepEmbedding.size], data: workload.sinusoids }],
    ])
  }
  const { audio, mel, sampler, samples, seed, sinusoids } = workload
  const { size } = workload.config.network.stepEmbedding
  const passes = sampler.steps.length
  // Before the clamp, each update is linear in x, ε and z. Its three factors are found by trying them one at a time.
  const one = Float32Array.of(1e-3)
  const none = Float32Array.of(0)
  const factors = Array.from({ length: passes }, (_, pass) =>
    [
      [one, none, none],
      [none, one, none],
      [none, none, one],
    ].map(
      ([x, epsilon, z]) =>
        sampler.update(pass, { x, carried: null }, { epsilon, noise: sampler.needsNoise(pass) ? z : null }).x[0] * 1e3,
    ),
  )
  const draws = [gaussian(seed, 0, 0, samples)]
  for (let pass = 0; pass < passes - 1; pass++) draws.push(gaussian(seed, passes - 1 - pass, 0, samples))
  return new Map([
    ['audio', { shape: [1, samples], data: audio }],
    ['mel', { shape: [1, mel.bands, mel.frames], data: mel.data }],
    ['sinusoids', { shape: [1, size], data: sinusoids.slice(2 * size, 3 * size) }],
    ['steps', { shape: [passes, size], data: sinusoids }],
    ['factors', { shape: [passes, 3], data: Float32Array.from(factors.flat()) }],
    ['draws', { shape: [passes, samples], data: concatenated(draws) }],
  ])
}

async function openPytorch(python, workload, { threads, compile = false }) {
  const folder = await mkdtemp(join(tmpdir(), 'diffwave-bench-'))
  const file = name => join(folder, name)
  await writeFile(file('config.json'), JSON.stringify(workload.config.network))
  await writeFile(file('weights'), encodeSafetensors(workload.parameters))
  await writeFile(file('batch'), encodeSafetensors(batchTensors(workload)))
  const server = spawn(
    python,
    [
      '-m',
      'diffwave_torch.measure',
      file('config.json'),
      file('weights'),
      '--batch',
      file('batch'),
      '--threads',
      `${threads}`,
      '--serve',
      ...(compile ? ['--compile'] : []),
    ],
    { cwd: home, stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
  const ask = async mode => {
    server.stdin.write(`${JSON.stringify({ mode, output: file('out') })}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error('PyTorch stopped; its messages are above')
    own.read = async () => {
      const { tensors } = decodeSafetensors(await readFile(file('out')), 'PyTorch')
      return new Map([...tensors].map(([name, { data }]) => [name, data]))
    }
    return JSON.parse(value).seconds
  }
  const own = {
    process: server.pid,
    noise: () => ask('noise'),
    synthesis: () => ask('synthesis'),
    training: () => ask('train'),
    async dispose() {
      server.stdin.end()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return own
}
