/** The command line as a process: what it prints, what it leaves, how it ends. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeWav, readWav } from '#src/audio/codecs/wav'
import { gaussian } from '#src/core/random'
import { encodeNpy } from '#src/formats/npy'
import { golden, inRepository } from '../support/paths.js'

const program = inRepository('dist/cli/main.js')
const folder = mkdtempSync(join(tmpdir(), 'diffwave-cli-'))
after(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

/** A model small enough to be fast, and inputs that fit it or do not. */
const model = golden('lmnt-conditional-c8-l6/weights.pt')
function put(name: string, bytes: Uint8Array | string): string {
  writeFileSync(at(name), bytes)
  return at(name)
}
const numbers = (count: number) => gaussian(1, 0, 0, count).map(value => Math.min(Math.max(0.4 + value / 10, 0), 1))
const mel = put('mel.npy', encodeNpy({ shape: [80, 6], data: numbers(480) }))
const turned = put('turned.npy', encodeNpy({ shape: [6, 80], data: numbers(480) }))
const wav = put('tone.wav', encodeWav({ samples: gaussian(2, 0, 0, 2000).map(x => x / 9), sampleRate: 16000 }))

function diffwave(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('synthesize writes a WAV, its picture and one line; the same seed gives the same bytes', async () => {
  const first = diffwave(
    'synthesize',
    mel,
    '-m',
    model,
    '-o',
    at('a.wav'),
    '--seed',
    '3',
    '--picture',
    '--engine',
    'tensorflow:wasm',
  )
  assert.equal(first.status, 0, first.stderr)
  assert.match(
    first.stdout,
    /a\.wav: 0\.07 s of audio in [\d.]+ s, real-time factor [\d.]+, tensorflow:wasm, 6 steps, seed 3\n$/,
  )
  assert.equal((await readWav(at('a.wav'))).samples.length, 6 * 256)
  assert.equal(readFileSync(at('a.png')).readUInt32BE(16), 1200)
  const again = diffwave(
    '--json',
    'synthesize',
    turned,
    mel,
    '-m',
    model,
    '-o',
    at('both'),
    '--seed',
    '2',
    '--engine',
    'tensorflow:wasm',
  )
  assert.equal(again.status, 0, again.stderr)
  const lines = again.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(
    lines.map(line => [line.transposed, line.seed]),
    [
      [true, 2],
      [false, 3],
    ],
  )
  assert.match(again.stderr, /turned\.npy is \[frames × bands\]/)
  assert.deepEqual(readFileSync(at('both/mel.wav')), readFileSync(at('a.wav')))
})

test('--stdout pipes the bytes of the file while they are made; the line goes to stderr; a reader that leaves is no failure', async () => {
  const args = [program, 'synthesize', mel, '-m', model, '--seed', '3', '--engine', 'tensorflow:wasm']
  for (const where of [['--stdout'], ['-o', '-', '--chunk-frames', '1']]) {
    const piped = spawnSync(process.execPath, [...args, ...where])
    assert.equal(piped.status, 0, piped.stderr.toString())
    assert.deepEqual(piped.stdout, readFileSync(at('a.wav')))
    assert.match(piped.stderr.toString(), /^-: 0\.07 s of audio/)
  }
  const child = spawn(process.execPath, [...args, '--stdout'])
  child.stdout.once('data', () => child.stdout.destroy())
  let stderr = ''
  child.stderr.on('data', data => {
    stderr += data
  })
  assert.equal(await new Promise(resolve => child.on('close', resolve)), 0)
  assert.doesNotMatch(stderr, /error|EPIPE/)
  for (const wrong of [['--stdout', '-o', at('b.wav')], [], ['--stdout', '--picture'], ['--stdout', mel]]) {
    const refused = spawnSync(process.execPath, [...args, ...wrong], { encoding: 'utf8' })
    assert.equal(refused.status, 2, refused.stderr)
    assert.match(refused.stderr, /^error\[BAD_OPTION\]/)
    assert.equal(refused.stdout, '')
  }
})

test('resynthesize keeps the recording’s length at the model’s rate and says that it resampled', async () => {
  const { status, stderr } = diffwave('resynthesize', wav, '-m', model, '-o', at('r.wav'), '--steps', '2')
  assert.equal(status, 0, stderr)
  assert.match(stderr, /resampled from 16000 to 22050 Hz/)
  assert.equal((await readWav(at('r.wav'))).samples.length, Math.round((2000 * 22050) / 16000))
})

test('mel, convert and inspect', () => {
  assert.equal(diffwave('mel', wav, '-o', at('m.npy'), '--convention', 'lmnt').status, 0)
  assert.match(diffwave('inspect', at('m.npy')).stdout, /bands: 80[\s\S]*looksLike: lmnt/)
  assert.equal(diffwave('convert', model, '-o', at('model')).status, 0)
  assert.match(diffwave('inspect', at('model')).stdout, /channels: 8[\s\S]*refinementIterations: none/)
  const again = diffwave('convert', model, '-o', at('model'))
  assert.equal(again.status, 2)
  assert.match(again.stderr, /--force/)
  const [facts] = diffwave('--json', 'inspect', wav).stdout.split('\n')
  assert.equal(JSON.parse(facts!).sampleRate, 16000)
})

test('synthesize refines phases where asked to', async () => {
  const refine = (iterations: string, output: string) =>
    diffwave('synthesize', mel, '-m', model, '-o', at(output), '--seed', '3', '--steps', '2', '--refine', iterations)
  assert.equal(refine('0', 'plain.wav').status, 0)
  assert.equal(refine('4', 'refined.wav').status, 0)
  const [plain, refined] = [await readWav(at('plain.wav')), await readWav(at('refined.wav'))]
  assert.equal(refined.samples.length, plain.samples.length)
  assert.notDeepEqual(refined.samples, plain.samples)
})

test('doctor names each engine and why it does not run', () => {
  const { status, stdout } = diffwave('--json', 'doctor')
  assert.equal(status, 0)
  const { engines } = JSON.parse(stdout) as { engines: { name: string; available: boolean; reason: string }[] }
  assert.equal(engines.find(engine => engine.name === 'tensorflow:wasm')!.available, true)
  for (const engine of engines) assert.equal(engine.reason === '', engine.available, engine.name)
})

const empty = put('empty.npy', '')
mkdirSync(at('folder.npy'))
const tall = put('tall.npy', encodeNpy({ shape: [64, 9], data: numbers(576) }))
const loud = put('loud.npy', encodeNpy({ shape: [80, 2], data: numbers(160).map(value => value * 10 - 9) }))
const broken = put('nan.npy', encodeNpy({ shape: [80, 2], data: new Float32Array(160).fill(Number.NaN) }))
const pickle = put(
  'evil.pt',
  Uint8Array.from([0x80, 2, 0x63, ...'os\nsystem\n'.split('').map(c => c.charCodeAt(0)), 0x2e]),
)
const cut = put('cut.wav', readFileSync(wav).subarray(0, 300))
const huge = put(
  'huge.npy',
  "\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (80, 99999999999), }",
)

for (const [name, args, status, code] of [
  ['no such mel', ['synthesize', at('none.npy')], 1, 'FILE_NOT_FOUND'],
  ['an empty mel', ['synthesize', empty], 1, 'TRUNCATED'],
  ['a folder for a mel', ['synthesize', at('folder.npy')], 1, 'NOT_A_FILE'],
  ['a mel of other bands', ['synthesize', tall], 1, 'BAD_MEL'],
  ['a mel of another convention', ['synthesize', loud], 1, 'MEL_RANGE'],
  ['a mel that is not finite', ['synthesize', broken], 1, 'NOT_FINITE'],
  ['a mel that lies about its size', ['synthesize', huge], 1, 'UNSUPPORTED_FORMAT'],
  ['a pickle that calls', ['synthesize', pickle], 1, 'UNSAFE_PICKLE'],
  ['a WAV cut off', ['resynthesize', cut], 1, 'TRUNCATED'],
  ['a model that is a pickle that calls', ['synthesize', mel, '-m', pickle], 1, 'UNSAFE_PICKLE'],
  ['no such model', ['synthesize', mel, '-m', 'nonesuch'], 2, 'UNKNOWN_MODEL'],
  ['an engine that is not there', ['synthesize', mel, '--engine', 'tensorflow:cuda'], 1, 'ENGINE_UNAVAILABLE'],
  ['an unknown engine', ['synthesize', mel, '--engine', 'abacus'], 2, 'BAD_OPTION'],
  ['an unknown option', ['synthesize', mel, '--stepz', '3'], 2, 'BAD_OPTION'],
  ['steps that are none', ['synthesize', mel, '--steps', '0'], 2, 'BAD_OPTION'],
  ['iterations that are none', ['synthesize', mel, '--refine', 'some'], 2, 'BAD_OPTION'],
  ['too many iterations', ['synthesize', mel, '--refine', '101'], 2, 'BAD_OPTION'],
  ['no input', ['synthesize'], 2, 'BAD_OPTION'],
  ['an unknown command', ['sing'], 2, 'BAD_OPTION'],
] as const) {
  test(`refused: ${name}`, () => {
    const needsModel = ['synthesize', 'resynthesize'].includes(args[0]) && !args.includes('-m' as never)
    const output = at('refused.wav')
    const result = diffwave(
      ...args,
      ...(args[0] === 'sing' ? [] : ['-o', output]),
      ...(needsModel ? ['-m', model] : []),
    )
    assert.equal(result.status, status, result.stderr)
    const [first, second] = result.stderr.trim().split('\n')
    assert.match(first!, new RegExp(`^error\\[${code}\\]: `))
    if (second !== undefined) assert.match(second, /^hint: /)
    assert.ok(!/\n\s+at /.test(result.stderr), 'no stack trace')
    assert.equal(result.stdout, '')
    assert.ok(!existsSync(output), 'no partial output')
  })
}

test('of several inputs a bad one is reported and the others are done', () => {
  const { status, stderr } = diffwave('mel', cut, wav, '-o', at('mels'), '--convention', 'lmnt')
  assert.equal(status, 1)
  assert.match(stderr, /error\[TRUNCATED\]/)
  assert.deepEqual(readdirSync(at('mels')), ['tone.npy'])
})

test('inputs that would be written to one name, or over themselves, are refused before work starts', () => {
  assert.match(diffwave('mel', wav, wav, '-o', at('x'), '--convention', 'lmnt').stderr, /two inputs/)
  assert.match(diffwave('resynthesize', wav, '-m', model, '-o', wav).stderr, /overwrite/)
})

test('Ctrl-C stops cleanly: status 130, no file, nothing half written', async () => {
  const long = put('long.npy', encodeNpy({ shape: [80, 20_000], data: numbers(1_600_000) }))
  const child = spawn(process.execPath, [
    program,
    'synthesize',
    long,
    '-m',
    model,
    '-o',
    at('long.wav'),
    '--engine',
    'tensorflow:wasm',
  ])
  let stderr = ''
  child.stderr.on('data', data => {
    stderr += data
  })
  // Long enough to have started, also on a busy machine; the work itself would take minutes.
  setTimeout(() => child.kill('SIGINT'), 8000)
  const status = await new Promise(resolve => child.on('exit', resolve))
  assert.equal(status, 130)
  assert.equal(stderr, 'stopped\n')
  assert.deepEqual(
    readdirSync(folder).filter(name => name.startsWith('long.wav')),
    [],
  )
})
