/** `diffwave synthesize` on the command line. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { describe, test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { eachMel } from '#src/cli/inputs/mel-inputs'
import { gaussian } from '#src/core/random'
import { encodeNpy } from '#src/formats/npy'
import { encodeSafetensors } from '#src/formats/safetensors'
import { melNumbers, npyMel, putTone, type Refusal, smallVocoder } from '../support/cli-inputs.js'
import { called, calledBytes, jsonLines, scratch, shell } from '../support/process.js'

const { folder, at, put } = scratch()
const model = ['-m', smallVocoder]
const mel = put('mel.npy', npyMel(6))
const transposed = put('transposed.npy', encodeNpy({ shape: [6, 80], data: melNumbers(480) }))

describe('synthesize to files', () => {
  test('writes a WAV, its picture and one line of output', async () => {
    const run = called(['synthesize', mel, ...model, '-o', at('a.wav'), '--seed', '3', '--picture'])
    assert.equal(run.status, 0, run.stderr)
    assert.match(
      run.stdout,
      /a\.wav: 0\.07 s of audio in [\d.]+ s, real-time factor [\d.]+, (native|wasm)[^,]*, 6 steps, seed 3\n$/,
    )
    assert.equal((await readWav(at('a.wav'))).samples.length, 6 * 256)
    assert.equal(readFileSync(at('a.png')).readUInt32BE(16), 1200)
  })

  test('gives file i the seed plus i, and the same bytes for the same seed', () => {
    const run = called(['--json', 'synthesize', transposed, mel, ...model, '-o', at('both'), '--seed', '2'])
    assert.equal(run.status, 0, run.stderr)
    assert.deepEqual(
      jsonLines(run.stdout).map(line => [line['transposed'], line['seed']]),
      [
        [true, 2],
        [false, 3],
      ],
    )
    assert.match(run.stderr, /transposed\.npy is \[frames × bands\]/)
    assert.deepEqual(readFileSync(at('both/mel.wav')), readFileSync(at('a.wav')))
  })

  test('changes the audio with --refine, but not its length', async () => {
    const refine = (iterations: string, output: string) =>
      called([
        ...['synthesize', mel, ...model, '-o', at(output), '--seed', '3', '--steps', '2'],
        ...['--refine', iterations],
      ])
    assert.equal(refine('0', 'plain.wav').status, 0)
    assert.equal(refine('4', 'refined.wav').status, 0)
    const [plain, refined] = [await readWav(at('plain.wav')), await readWav(at('refined.wav'))]
    assert.equal(refined.samples.length, plain.samples.length)
    assert.notDeepEqual(refined.samples, plain.samples)
  })
})

describe('synthesize to standard output', () => {
  const args = ['synthesize', mel, ...model, '--seed', '3']

  test('prints the bytes of the file, and its line to stderr', () => {
    for (const where of [['--stdout'], ['-o', '-', '--chunk-frames', '1'], ['-o', '/dev/stdout']]) {
      const { status, stdout, stderr } = calledBytes([...args, ...where])
      assert.equal(status, 0, stderr)
      assert.deepEqual(stdout, readFileSync(at('a.wav')), where.join(' '))
      assert.match(stderr, /^-: 0\.07 s of audio/)
    }
  })

  test('gives the same bytes in a pipeline', () => {
    const line = `cat mel.npy | diffwave synthesize - -m '${smallVocoder}' --seed 3 -o /dev/stdout | cat > piped.wav`
    const { stderr } = shell(line, folder)
    assert.match(stderr, /^-: 0\.07 s of audio/)
    assert.deepEqual(readFileSync(at('piped.wav')), readFileSync(at('a.wav')))
  })

  test('is refused with another output, a picture or a second mel, and must be named', () => {
    for (const wrong of [['--stdout', '-o', at('b.wav')], [], ['--stdout', '--picture'], ['--stdout', mel]]) {
      const refused = called([...args, ...wrong])
      assert.equal(refused.status, 2, refused.stderr)
      assert.match(refused.stderr, /^error\[BAD_OPTION\]/)
      assert.equal(refused.stdout, '')
    }
  })
})

describe('synthesize', () => {
  /** Mel-shaped numbers on a scale, over the range of speech. */
  const scaled = (name: string, scale: (ln: number, band: number) => number) =>
    put(
      name,
      encodeNpy({
        shape: [80, 40],
        data: gaussian(5, 0, 0, 80 * 40).map((x, i) => {
          const band = Math.floor(i / 40)
          // Levels fall from low to high bands, and one frame in ten is a pause.
          const ln = (i % 40) % 10 === 0 ? -12 : -3 - band / 25 + 1.3 * x
          return scale(Math.max(Math.log(1e-5), Math.min(2, ln)), band)
        }),
      }),
    )
  const natural = scaled('natural.npy', ln => ln)
  const decimal = scaled('log10.npy', ln => ln / Math.LN10)
  const symmetric = scaled('symmetric.npy', ln => Math.min(4, (ln * 8) / Math.log(1e5) + 4))
  const normalised = scaled('normalised.npy', (ln, band) => (ln + 3.7 + band / 25) / 2.3)
  const square = put('square.npy', encodeNpy({ shape: [80, 80], data: new Float32Array(6400).fill(-8) }))

  test('notes a mel on another scale or a square one, and output of which more than 1 % is clipped', () => {
    const inputs = [natural, decimal, symmetric, normalised, square]
    const args = ['-m', 'speech', '-o', at('notes'), '--steps', '1', '--refine', '0']
    const { status, stdout, stderr } = called(['synthesize', ...inputs, ...args])
    assert.equal(status, 0, stderr)
    assert.match(stdout, /, 1 step, seed \d+\n/)
    assert.doesNotMatch(stderr, /natural\./)
    assert.match(stderr, /note: .*log10\.npy: .*decimal logarithm/)
    assert.match(stderr, /note: .*symmetric\.npy: .*−4 … 4/)
    assert.match(stderr, /note: .*normalised\.npy: .*deviation 1/)
    assert.match(stderr, /note: .*square\.npy: The mel is square, 80 × 80/)
    assert.match(stderr, /note: .*symmetric\.wav: [\d.]+ % of the samples are clipped/)
  })

  test('has notes that agree with the scale that inspect recognises', () => {
    const { stdout, stderr } = called(['inspect', natural, decimal, symmetric, normalised])
    assert.deepEqual(
      [...stdout.matchAll(/looks like: (.*)/g)].map(match => match[1]),
      ['tacotron2 or hifigan', 'log10', '-4 to 4', 'normalised'],
    )
    assert.equal(stderr.match(/^note: /gm)!.length, 3)
  })

  test('accepts --precision exact and fast, with exact as the default', () => {
    const made = (name: string, ...more: string[]) => {
      called(['synthesize', put('short.npy', npyMel(1)), ...model, '-o', at(name), '--seed', '1', ...more])
      return readFileSync(at(name))
    }
    const usual = made('usual.wav')
    assert.deepEqual(made('exact.wav', '--precision', 'exact'), usual)
    assert.equal(made('fast.wav', '--precision', 'fast').length, usual.length)
    const { stderr, status } = called(['synthesize', 'short.npy', '-o', at('half.wav'), '--precision', 'half'])
    assert.equal(status, 2)
    assert.match(stderr, /BAD_OPTION.*exact, fast/)
  })

  test('notes more threads than cores, and very many steps', () => {
    const { stderr } = called([
      ...['synthesize', put('short.npy', npyMel(1)), ...model, '-o', at('slow.wav')],
      ...['--threads', String(availableParallelism() + 1), '--steps', '40'],
    ])
    assert.match(stderr, /note: \d+ threads on \d+ cores/)
    assert.match(stderr, /note: 40 steps take about 7 times as long as the model’s default of 6/)
  })
})

const empty = put('empty.npy', '')
mkdirSync(at('folder.npy'))
const tall = put('tall.npy', encodeNpy({ shape: [64, 9], data: melNumbers(576) }))
const loud = put('loud.npy', encodeNpy({ shape: [80, 2], data: melNumbers(160).map(value => value * 10 - 9) }))
const broken = put('nan.npy', encodeNpy({ shape: [80, 2], data: new Float32Array(160).fill(Number.NaN) }))
const call = 'os\nsystem\n'.split('').map(character => character.charCodeAt(0))
const pickle = put('evil.pt', Uint8Array.from([0x80, 2, 0x63, ...call, 0x2e]))
const cut = put('cut.wav', readFileSync(putTone({ folder, at, put })).subarray(0, 30))
const huge = put(
  'huge.npy',
  "\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (80, 99999999999), }",
)
const refusals: readonly Refusal[] = [
  ['no such mel', ['synthesize', at('none.npy')], 1, 'FILE_NOT_FOUND'],
  ['an empty mel', ['synthesize', empty], 1, 'TRUNCATED'],
  ['a folder for a mel', ['synthesize', at('folder.npy')], 1, 'NOT_A_FILE'],
  ['a mel of other bands', ['synthesize', tall], 1, 'BAD_MEL'],
  ['a mel of another convention', ['synthesize', loud], 1, 'MEL_RANGE'],
  ['a mel that is not finite', ['synthesize', broken], 1, 'NOT_FINITE'],
  ['a mel that lies about its size', ['synthesize', huge], 1, 'UNSUPPORTED_FORMAT'],
  ['a pickle that calls', ['synthesize', pickle], 1, 'UNSAFE_PICKLE'],
  ['a WAV cut off inside its header', ['resynthesize', cut], 1, 'TRUNCATED'],
  ['a model that is a pickle that calls', ['synthesize', mel, '-m', pickle], 1, 'UNSAFE_PICKLE'],
  ['an unknown model', ['synthesize', mel, '-m', 'nonesuch'], 2, 'UNKNOWN_MODEL'],
  ['an engine that is not there', ['synthesize', mel, '--engine', 'tensorflow:cuda'], 1, 'ENGINE_UNAVAILABLE'],
  ['an unknown engine', ['synthesize', mel, '--engine', 'abacus'], 2, 'BAD_OPTION'],
  ['an unknown option', ['synthesize', mel, '--stepz', '3'], 2, 'BAD_OPTION'],
  ['steps that are none', ['synthesize', mel, '--steps', '0'], 2, 'BAD_OPTION'],
  ['iterations that are none', ['synthesize', mel, '--refine', 'some'], 2, 'BAD_OPTION'],
  ['too many iterations', ['synthesize', mel, '--refine', '101'], 2, 'BAD_OPTION'],
  ['no input', ['synthesize'], 2, 'BAD_OPTION'],
  ['an unknown command', ['sing'], 2, 'BAD_OPTION'],
]

test('each mistake has its status and code, and leaves no output', () => {
  for (const [name, args, status, code] of refusals) {
    const output = at('refused.wav')
    const more = args[0] === 'sing' ? [] : ['-o', output, ...(args.includes('-m') ? [] : model)]
    const result = called([...args, ...more])
    assert.equal(result.status, status, `${name}: ${result.stderr}`)
    const [first, second] = result.stderr.trim().split('\n')
    assert.ok(first!.startsWith(`error[${code}]: `), `${name}: ${first}`)
    if (second !== undefined) assert.match(second, /^hint: /, name)
    assert.doesNotMatch(result.stderr, /\n\s+at /, name)
    assert.equal(result.stdout, '', name)
    assert.ok(!existsSync(output), name)
  }
})

describe('synthesize with mels of other toolkits', () => {
  const scaled = (factor: number) => {
    const data = Float32Array.from({ length: 80 * 3 }, (_, i) => factor * Math.sin(i))
    return encodeNpy({ shape: [80, 3], data })
  }
  const synthesize = (name: string, ...more: string[]) => {
    const args = ['synthesize', at(name), '-m', smallVocoder, '--seed', '1', '-o', at(`${name}.wav`), ...more]
    const { status, stderr } = called(args)
    return { status, stderr, wav: status === 0 ? readFileSync(at(`${name}.wav`)) : null }
  }

  test('undoes a normalisation by --mel-stats, and checks --index', () => {
    put('own.npy', scaled(1))
    put('theirs.npy', scaled(0.5))
    put('stats.json', '{"mean": 0, "std": 2}')
    const own = synthesize('own.npy', '--mel-log', 'log10')
    assert.deepEqual(synthesize('theirs.npy', '--mel-log', 'log10', '--mel-stats', at('stats.json')).wav, own.wav)
    assert.equal(synthesize('own.npy', '--index', '3').status, 1)
  })

  test('refuses an unknown logarithm and a file that is not statistics', () => {
    put('own.npy', scaled(1))
    assert.match(synthesize('own.npy', '--mel-log', 'log2').stderr, /BAD_OPTION.*ln, log10, db, none/)
    assert.match(synthesize('own.npy', '--mel-stats', at('own.npy')).stderr, /BAD_MEL.*mean, then deviation/)
  })
})

describe('synthesize with a batch of mels in one file', () => {
  const all = melNumbers(3 * 80 * 2)
  const single = [0, 1, 2].map(i =>
    put(`one-${i}.npy`, encodeNpy({ shape: [80, 2], data: all.slice(i * 160, i * 160 + 160) })),
  )
  const batch = put('batch.npy', encodeNpy({ shape: [3, 80, 2], data: all }))
  const tensors = put('batch.safetensors', encodeSafetensors(new Map([['mel', { shape: [3, 80, 2], data: all }]])))
  const synthesize = (...args: string[]) => called(['synthesize', ...model, '--seed', '5', '--json', ...args])

  test('writes a numbered file per mel, with the bytes of separate inputs', () => {
    assert.equal(synthesize(...single, '-o', at('ones')).status, 0)
    for (const file of [batch, tensors]) {
      const { status, stdout, stderr } = synthesize(file, '-o', at('several'))
      assert.equal(status, 0, stderr)
      const inputs = jsonLines(stdout).map(line => line['input'])
      assert.deepEqual(
        inputs,
        [0, 1, 2].map(i => `${file}[${i}]`),
      )
      for (const i of [0, 1, 2]) {
        assert.deepEqual(readFileSync(at(`several/batch-${i}.wav`)), readFileSync(at(`ones/one-${i}.wav`)))
      }
    }
  })

  test('numbers the files in as many digits as the last one has', async () => {
    const path = put('eleven.npy', encodeNpy({ shape: [11, 80, 2], data: melNumbers(11 * 80 * 2) }))
    const mels = await eachMel([{ name: 'eleven.npy', path, stem: 'eleven' }], {}, new AbortController().signal)
    assert.deepEqual([mels[0]!.stem, mels.at(-1)!.stem], ['eleven-00', 'eleven-10'])
  })

  test('refuses a seed that leaves no room for one per mel, and counts mels until a signal', async () => {
    const last = String(Number.MAX_SAFE_INTEGER)
    assert.match(
      called(['synthesize', batch, '--seed', last, ...model, '-o', at('none')]).stderr,
      /seed leaves no room/,
    )
    assert.ok(!existsSync(at('none')))
    const input = { name: batch, path: batch, stem: 'batch' }
    await assert.rejects(eachMel([input], {}, AbortSignal.abort()), { code: 'ABORTED' })
  })

  test('takes one mel with --index, and refuses a single output without it', () => {
    assert.equal(synthesize(batch, '-o', at('second.wav'), '--index', '1').status, 0)
    assert.equal(readFileSync(at('second.wav')).length, 44 + 2 * 512)
    const { status, stderr } = synthesize(batch, '-o', at('all.wav'))
    assert.deepEqual([status, /3 inputs cannot go to one file/.test(stderr)], [2, true])
    assert.equal(synthesize(batch, '--stdout').status, 2)
  })

  test('divides the mels among shards', () => {
    assert.equal(synthesize(batch, '-o', at('share'), '--shard', '1/2').status, 0)
    assert.deepEqual(readdirSync(at('share')), ['batch-1.wav'])
    assert.deepEqual(readFileSync(at('share/batch-1.wav')), readFileSync(at('several/batch-1.wav')))
  })
})
