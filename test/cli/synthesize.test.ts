/** `diffwave synthesize` on the command line. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { readWav } from '#src/audio/codecs/wav-file'
import { gaussian } from '#src/core/random'
import { encodeNpy } from '#src/formats/npy'
import { encodeSafetensors } from '#src/formats/safetensors'
import { melNumbers, npyMel, putTone, type Refusal, smallVocoder } from '../support/cli-inputs.js'
import { called, diffwave, diffwaveBytes, jsonLines, scratch, shell, started } from '../support/process.js'

const { folder, at, put } = scratch()
const model = ['-m', smallVocoder]
const wasm = ['--engine', 'wasm']
const mel = put('mel.npy', npyMel(6))
const transposed = put('transposed.npy', encodeNpy({ shape: [6, 80], data: melNumbers(480) }))

describe('synthesize to files', () => {
  test('writes a WAV, its picture and one line of output', async () => {
    const run = diffwave(['synthesize', mel, ...model, '-o', at('a.wav'), '--seed', '3', '--picture', ...wasm])
    assert.equal(run.status, 0, run.stderr)
    assert.match(
      run.stdout,
      /a\.wav: 0\.07 s of audio in [\d.]+ s, real-time factor [\d.]+, wasm[^,]*, 6 steps, seed 3\n$/,
    )
    assert.equal((await readWav(at('a.wav'))).samples.length, 6 * 256)
    assert.equal(readFileSync(at('a.png')).readUInt32BE(16), 1200)
  })

  test('gives file i the seed plus i, and the same bytes for the same seed', () => {
    const args = ['--json', 'synthesize', transposed, mel, ...model, '-o', at('both'), '--seed', '2', ...wasm]
    const run = called(args)
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
  const args = ['synthesize', mel, ...model, '--seed', '3', ...wasm]

  for (const where of [['--stdout'], ['-o', '-', '--chunk-frames', '1'], ['-o', '/dev/stdout']]) {
    test(`pipes the bytes of the file with ${where.join(' ')}, and prints its line to stderr`, () => {
      const piped = diffwaveBytes([...args, ...where])
      assert.equal(piped.status, 0, piped.stderr.toString())
      assert.deepEqual(piped.stdout, readFileSync(at('a.wav')))
      assert.match(piped.stderr.toString(), /^-: 0\.07 s of audio/)
    })
  }

  test('ends without an error when the reader leaves', async () => {
    const { child, ended } = started([...args, '--stdout'])
    child.stdout.once('data', () => child.stdout.destroy())
    const { status, stderr } = await ended
    assert.equal(status, 0)
    assert.doesNotMatch(stderr, /error|EPIPE/)
  })

  for (const wrong of [['--stdout', '-o', at('b.wav')], [], ['--stdout', '--picture'], ['--stdout', mel]]) {
    test(`refuses ${wrong.join(' ').replaceAll(folder, '…') || 'no output'}`, () => {
      const refused = called([...args, ...wrong])
      assert.equal(refused.status, 2, refused.stderr)
      assert.match(refused.stderr, /^error\[BAD_OPTION\]/)
      assert.equal(refused.stdout, '')
    })
  }
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
  const run = (...inputs: string[]) =>
    called(['synthesize', ...inputs, '-m', 'speech', '-o', at('notes'), '--steps', '1', '--refine', '0', '--force'])

  test('notes a mel on another scale, but not one of the convention', () => {
    const { status, stdout, stderr } = run(natural, decimal, symmetric, normalised)
    assert.equal(status, 0, stderr)
    assert.match(stdout, /, 1 step, seed \d+\n/)
    assert.doesNotMatch(stderr, /natural\.npy/)
    assert.match(stderr, /note: .*log10\.npy: .*decimal logarithm/)
    assert.match(stderr, /note: .*symmetric\.npy: .*−4 … 4/)
    assert.match(stderr, /note: .*normalised\.npy: .*deviation 1/)
  })

  test('has notes that agree with the scale that inspect recognises', () => {
    const { stdout, stderr } = called(['inspect', natural, decimal, symmetric, normalised])
    assert.deepEqual(
      [...stdout.matchAll(/looks like: (.*)/g)].map(match => match[1]),
      ['tacotron2 or hifigan', 'log10', '-4 to 4', 'normalised'],
    )
    assert.equal(stderr.match(/^note: /gm)!.length, 3)
  })

  test('notes output of which more than 1 % is clipped', () => {
    const { stderr } = run(symmetric)
    assert.match(stderr, /note: .*symmetric\.wav: [\d.]+ % of the samples are clipped/)
    assert.doesNotMatch(run(natural).stderr, /clipped/)
  })

  test('notes a square mel, since its axes cannot be told apart', () => {
    const { stderr } = run(put('square.npy', encodeNpy({ shape: [80, 80], data: new Float32Array(6400).fill(-8) })))
    assert.match(stderr, /note: .*square\.npy is square, 80 × 80/)
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

describe('a refusal leaves no output', () => {
  for (const [name, args, status, code] of refusals) {
    test(name, () => {
      const output = at('refused.wav')
      const more = args[0] === 'sing' ? [] : ['-o', output, ...(args.includes('-m') ? [] : model)]
      const result = called([...args, ...more])
      assert.equal(result.status, status, result.stderr)
      const [first, second] = result.stderr.trim().split('\n')
      assert.match(first!, new RegExp(`^error\\[${code}\\]: `))
      if (second !== undefined) assert.match(second, /^hint: /)
      assert.ok(!/\n\s+at /.test(result.stderr), 'no stack trace')
      assert.equal(result.stdout, '')
      assert.ok(!existsSync(output), 'no partial output')
    })
  }
})

describe('synthesize and signals', () => {
  test('Ctrl-C ends with status 130 and leaves no file', async () => {
    const long = put('long.npy', npyMel(20_000))
    const { child, ended } = started(['synthesize', long, ...model, '-o', at('long.wav'), ...wasm])
    const written = () => readdirSync(folder).filter(name => name.startsWith('long.wav'))
    // The temporary file is opened when the work begins; the work itself would take minutes.
    for (let waited = 0; written().length === 0 && waited < 60_000; waited += 50) await setTimeout(50)
    child.kill('SIGINT')
    const { status, stderr } = await ended
    assert.equal(status, 130)
    assert.equal(stderr, 'stopped\n')
    assert.deepEqual(written(), [])
  })
})

test('a mel gives the same bytes from a file and from a pipe', () => {
  const line = `diffwave synthesize - -m '${smallVocoder}' -o piped.wav --seed 3 --engine wasm < mel.npy`
  const { status, stderr } = shell(line, folder)
  assert.equal(status, 0, stderr)
  assert.deepEqual(readFileSync(at('piped.wav')), readFileSync(at('a.wav')))
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
  const synthesize = (...args: string[]) => called(['synthesize', '-m', smallVocoder, '--seed', '5', '--json', ...args])

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
