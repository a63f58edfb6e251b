/**
 * Bun and Deno run the package as Node.js does. Each is found on the PATH, or named by DIFFWAVE_BUN or DIFFWAVE_DENO.
 */
import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { sliceMel } from '#src/audio/mel/frames'
import { writeMel } from '#src/formats/mel-file'
import { readMel } from '#src/formats/read-mel'
import { distUrl, inRepository } from '../support/paths.js'
import { program } from '../support/process.js'

/** In the repository, because Deno looks for packages beside the program. */
const folder = mkdtempSync(inRepository('build/runtimes-'))
after(() => rmSync(folder, { recursive: true }))
const mel = join(folder, 'mel.npy')
const { mel: whole } = await readMel(inRepository('samples/LJ001-0002.npy'), 80)
await writeMel(mel, sliceMel(whole, 0, 40))

interface Runtime {
  readonly name: string
  readonly command: string
  readonly flags: readonly string[]
}

const node: Runtime = { name: 'Node.js', command: process.execPath, flags: [] }
const others: readonly Runtime[] = [
  { name: 'Bun', command: process.env['DIFFWAVE_BUN'] ?? 'bun', flags: [] },
  { name: 'Deno', command: process.env['DIFFWAVE_DENO'] ?? 'deno', flags: ['run', '-A'] },
]

function run({ command, flags }: Runtime, ...args: readonly string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, NO_COLOR: '1' }
  return spawnSync(command, [...flags, ...args], { encoding: 'utf8', env, timeout: 60_000 })
}

/** Writes a program that has a vocoder and a mel, and returns its path. */
function written(name: string, engine: string, body: string): string {
  const path = join(folder, `${name}.mjs`)
  const source = `
    import { createHash } from 'node:crypto'
    import { readMel, Vocoder } from ${JSON.stringify(distUrl('index.js'))}
    const { mel } = await readMel(${JSON.stringify(mel)}, 80)
    const digest = samples => createHash('sha256').update(samples).digest('hex')
    const vocoder = await Vocoder.load('speech', ${engine})
    ${body}`
  writeFileSync(path, source)
  return path
}

const sound = written(
  'sound',
  `{ engine: process.argv[2], threads: 2, ...(process.argv[3] && { instructionSet: process.argv[3] }) }`,
  `
  const clip = await vocoder.synthesize(mel, { steps: 1, seed: 1 })
  const pieces = []
  for await (const piece of vocoder.stream(mel, { steps: 1, seed: 1 })) pieces.push(...piece)
  const stopped = new AbortController()
  const waiting = vocoder.synthesize(mel, { seed: 1, signal: stopped.signal })
  stopped.abort()
  const code = await waiting.then(() => 'not stopped', error => error.code)
  await vocoder.dispose()
  const streamed = digest(Float32Array.from(pieces)) === digest(clip.samples)
  console.log(JSON.stringify({ file: digest(clip.toWav()), streamed, code }))`,
)
/** Ends while the engine packs its weights or makes a clip: other threads then read memory of JavaScript. */
const sudden = written(
  'sudden',
  "{ engine: 'native' }",
  `
  if (process.argv[2] === 'synthesis') {
    vocoder.synthesize(mel, { seed: 1 })
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  if (process.argv[3] === 'exit') process.exit(3)
  throw new Error('thrown by the program')`,
)
/** Ends while the engine predicts the noise of ten minutes of audio, which takes longer than a program may. */
const endless = join(folder, 'endless.mjs')
writeFileSync(
  endless,
  `
  import { createNativeEngine } from ${JSON.stringify(distUrl('engines/native/engine.js'))}
  import { networkSchema } from ${JSON.stringify(distUrl('model/network.js'))}
  import { parameterSpecs } from ${JSON.stringify(distUrl('model/parameters.js'))}
  const network = networkSchema.parse({ channels: 64, layers: 30, dilationCycle: 10 })
  const sizeOf = shape => shape.reduce((product, size) => product * size, 1)
  const parameters = new Map(
    parameterSpecs(network).map(({ name, shape }) => [name, { shape, data: new Float32Array(sizeOf(shape)) }]),
  )
  const engine = await createNativeEngine({ network, parameters, threads: 1 })
  engine.predict({ audio: [new Float32Array(22_050 * 600)], steps: [1] })
  await new Promise(resolve => setTimeout(resolve, 300))
  throw new Error('thrown by the program')`,
)
/** What Node.js prints for each engine. */
const expected = new Map<string, string>()
function expectedOf(args: readonly string[]): string {
  const key = args.join(' ')
  const stdout = expected.get(key) ?? run(node, sound, ...args).stdout
  expected.set(key, stdout)
  return stdout
}

for (const runtime of others) {
  const { name, command } = runtime
  const missing = spawnSync(command, ['--version']).status !== 0
  const skip = missing && `${name} is not installed (DIFFWAVE_${name.toUpperCase()} names its program)`
  describe(name, { skip }, () => {
    test('native and wasm make the same 16-bit files, streams and errors as Node.js', () => {
      // As 16 bits, because floating-point samples differ by up to 4e-9. Bytes of relaxed-simd depend on the host.
      for (const args of [['native'], ['wasm', 'simd128']]) {
        const got = run(runtime, sound, ...args)
        assert.equal(got.status, 0, got.stderr)
        assert.equal(got.stdout, expectedOf(args), args.join(' '))
        const { streamed, code } = JSON.parse(got.stdout)
        assert.deepEqual({ streamed, code }, { streamed: true, code: 'ABORTED' })
      }
    })

    test('the command line writes the same file, and doctor names the runtime', () => {
      const files = [node, runtime].map(one => {
        const out = join(folder, `${one.name}.wav`)
        const { status, stderr } = run(one, program, 'synthesize', mel, '-o', out, '--steps', '1', '--seed', '1')
        assert.equal(status, 0, stderr)
        return readFileSync(out)
      })
      assert.deepEqual(files[1], files[0])
      const { stdout } = run(runtime, program, 'doctor')
      assert.match(stdout, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+, `))
    })

    test('an uncaught error stops the work of the native engine', () => {
      const thrown = run(runtime, endless)
      assert.equal(thrown.status, 1, String(thrown.signal))
      assert.match(thrown.stderr, /thrown by the program/)
    })

    test('a program ends with its own status while the native engine works', () => {
      for (const during of ['loading', 'synthesis']) {
        const thrown = run(runtime, sudden, during, 'throw')
        assert.equal(thrown.status, 1, `${during}: ${thrown.signal}`)
        assert.match(thrown.stderr, /thrown by the program/)
        assert.equal(run(runtime, sudden, during, 'exit').status, 3, during)
      }
    })
  })
}
