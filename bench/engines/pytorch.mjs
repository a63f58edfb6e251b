/** PyTorch in its own process (bench/pytorch_network.py --serve). Network, weights and inputs are passed as files. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { unzipSync, zipSync } from 'fflate'
import { gaussian } from '../../dist/core/random.js'

const script = fileURLToPath(new URL('../pytorch_network.py', import.meta.url))

export const howToGet = 'a Python with torch and numpy (Debian: python3-torch), or --python PATH'

/** A Python that has torch and numpy, or null. */
export function findPytorch(given) {
  for (const python of given === undefined ? ['python3', '/usr/bin/python3'] : [given]) {
    if (spawnSync(python, ['-c', 'import numpy, torch']).status === 0) return python
  }
  return null
}

/** A NumPy array file, version 1.0, of 32-bit floats or 64-bit integers. */
function npy(shape, data) {
  const type = data instanceof Float32Array ? '<f4' : '<i8'
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`
  const head = Buffer.alloc(10)
  head.write('\x93NUMPY\x01\x00', 'latin1')
  head.writeUInt16LE(padded.length, 8)
  return Buffer.concat([head, Buffer.from(padded), Buffer.from(data.buffer, data.byteOffset, data.byteLength)])
}

/** An archive as numpy.savez writes it. @param arrays [shape, data] by name */
function npz(arrays) {
  return zipSync(Object.fromEntries([...arrays].map(([name, [shape, data]]) => [`${name}.npy`, npy(shape, data)])), {
    level: 0,
  })
}

function floatsOf(npyBytes) {
  const length = npyBytes[8] + 256 * npyBytes[9]
  return new Float32Array(npyBytes.slice(10 + length).buffer)
}

/** Arrays of equal length, one after the other. */
const concatenated = clips =>
  Float32Array.from({ length: clips.length * clips[0].length }, (_, i) => {
    const width = clips[0].length
    return clips[Math.floor(i / width)][i % width]
  })

/** The inputs as the script expects them. */
function batchArrays(workload) {
  if (workload.batch !== undefined) {
    const { audio, target, mel } = workload.batch
    const clips = audio.length
    return new Map([
      ['audio', [[clips, audio[0].length], concatenated(audio)]],
      ['target', [[clips, audio[0].length], concatenated(target)]],
      ['mel', [[clips, mel[0].bands, mel[0].frames], concatenated(mel.map(m => m.data))]],
      ['sinusoids', [[clips, workload.config.network.stepEmbedding.size], workload.sinusoids]],
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
      ([x, eps, z]) => sampler.update(pass, { x, carried: null }, eps, sampler.needsNoise(pass) ? z : null).x[0] * 1e3,
    ),
  )
  const draws = [gaussian(seed, 0, 0, samples)]
  for (let pass = 0; pass < passes - 1; pass++) draws.push(gaussian(seed, passes - 1 - pass, 0, samples))
  return new Map([
    ['audio', [[1, samples], audio]],
    ['mel', [[1, mel.bands, mel.frames], mel.data]],
    ['sinusoids', [[1, size], sinusoids.slice(2 * size, 3 * size)]],
    ['steps', [[passes, size], sinusoids]],
    ['factors', [[passes, 3], Float32Array.from(factors.flat())]],
    ['draws', [[passes, samples], concatenated(draws)]],
  ])
}

export async function openPytorch(python, workload, { threads }) {
  const folder = await mkdtemp(join(tmpdir(), 'diffwave-bench-'))
  const file = name => join(folder, name)
  await writeFile(file('config.json'), JSON.stringify(workload.config.network))
  await writeFile(
    file('weights.npz'),
    npz(new Map([...workload.parameters].map(([name, { shape, data }]) => [name, [shape, data]]))),
  )
  await writeFile(file('batch.npz'), npz(batchArrays(workload)))
  const server = spawn(
    python,
    [
      script,
      file('config.json'),
      file('weights.npz'),
      '--batch',
      file('batch.npz'),
      '--threads',
      `${threads}`,
      '--serve',
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
  const ask = async mode => {
    server.stdin.write(`${JSON.stringify({ mode, output: file('out.npz') })}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error('PyTorch stopped; its messages are above')
    own.read = async () => {
      const entries = Object.entries(unzipSync(await readFile(file('out.npz'))))
      return new Map(entries.map(([name, bytes]) => [name.replace(/\.npy$/, ''), floatsOf(bytes)]))
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
