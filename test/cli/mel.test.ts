/** `diffwave mel` on the command line. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { encodeNpy } from '#src/formats/npy'
import { readMel } from '#src/formats/read-mel'
import { putTone } from '../support/cli-inputs.js'
import { golden } from '../support/paths.js'
import { called, calledBytes, scratch } from '../support/process.js'

const files = scratch()
const { at, put } = files
const wav = putTone(files)
const lmnt = ['--convention', 'lmnt']

test('the extension selects the format of a mel, in either case', async () => {
  for (const name of ['m.npy', 'M.NPY', 'M.SAFETENSORS']) {
    const run = called(['mel', wav, '-o', at(name), ...lmnt])
    assert.equal(run.status, 0, run.stderr)
    assert.equal((await readMel(at(name))).mel.bands, 80)
  }
})

test('a mel can go to standard output, with its description on stderr', () => {
  for (const output of ['-', '/dev/stdout']) {
    const run = calledBytes(['mel', wav, '-o', output, ...lmnt])
    assert.equal(run.status, 0, run.stderr)
    assert.deepEqual(run.stdout, readFileSync(at('m.npy')))
    assert.match(run.stderr, /^note: .*\n-: 80 bands/)
  }
})

test('mel reads a compressed recording', async () => {
  const run = called(['mel', golden('audio/tones.flac'), '-o', at('flac.npy'), ...lmnt])
  assert.equal(run.status, 0, run.stderr)
  const { bands, frames } = (await readMel(at('flac.npy'))).mel
  assert.deepEqual([bands, frames], [80, 1 + Math.floor(5512 / 256)])
})

test('mel reports a bad input and still processes the others', () => {
  const cut = put('cut.wav', readFileSync(wav).subarray(0, 30))
  const { status, stderr } = called(['mel', cut, wav, '-o', at('mels'), ...lmnt])
  assert.equal(status, 1)
  assert.match(stderr, /error\[TRUNCATED\]/)
  assert.deepEqual(readdirSync(at('mels')), ['tone.npy'])
})

test('mel reads a truncated recording to its end, with a note', () => {
  const short = put('short.wav', readFileSync(wav).subarray(0, 2000))
  const { status, stderr } = called(['mel', short, '-o', at('short.npy'), ...lmnt])
  assert.equal(status, 0, stderr)
  assert.match(stderr, /note: .*short\.wav: .*read 1956 bytes/)
})

test('mel needs exactly one of --convention and --model', () => {
  const none = called(['mel', wav, '-o', at('x.npy')])
  assert.deepEqual([none.status, /--convention or --model/.test(none.stderr)], [2, true])
  assert.equal(called(['mel', wav, '-o', at('x.npy'), ...lmnt, '-m', 'speech']).status, 2)
  const lost = called(['mel', wav, '-o', at('x.npy'), '--convention', 'lost.json'])
  assert.match(lost.stderr, /error\[FILE_NOT_FOUND\]: .*lost\.json/)
})

test('mel writes the numbers of another toolkit, and converts them back', async () => {
  const stats = put('stats.json', '{"mean": -2, "std": 1.5}')
  const own = ['--convention', 'tacotron2']
  const made = (name: string, ...args: string[]) => {
    const { status, stderr } = called(['mel', ...args, '-o', at(name), ...own])
    assert.equal(status, 0, stderr)
    return readMel(at(name))
  }
  const { mel } = await made('own.npy', wav)
  const foreign = await made('foreign.npy', wav, '--mel-log', 'log10', '--mel-stats', stats)
  assert.ok(Math.abs(foreign.mel.data[0]! * 1.5 - 2 - mel.data[0]! / Math.LN10) < 1e-5)
  const back = await made('back.npy', at('foreign.npy'), '--from-log', 'log10', '--from-stats', stats)
  assert.ok(back.mel.data.every((value, i) => Math.abs(value - mel.data[i]!) < 1e-5))
})

test('a file that an option names is never overwritten, not even with --force', () => {
  const stats = put('stats.npy', encodeNpy({ shape: [2, 80], data: new Float32Array(160).fill(1) }))
  const weights = put('model.safetensors', readFileSync(golden('lmnt-conditional-c8-l6/weights.pt')))
  for (const [file, ...args] of [
    [stats, ...lmnt, '--mel-stats', stats],
    [weights, '-m', weights],
  ] as const) {
    const before = readFileSync(file)
    const run = called(['mel', wav, '-o', file, '--force', ...args])
    assert.equal(run.status, 2, run.stderr)
    assert.match(run.stderr, /overwrite its input/)
    assert.deepEqual(readFileSync(file), before)
  }
})

test('mel converts a mel of half the hop, and refuses one of another rate', async () => {
  const fine = put('fine.json', JSON.stringify({ ...namedConventions.tacotron2, name: 'fine', hop: 128 }))
  assert.equal(called(['mel', wav, '-o', at('fine.npy'), '--convention', fine]).status, 0)
  const run = called(['mel', at('fine.npy'), '-o', at('coarse.npy'), '--convention', 'tacotron2', '--from', fine])
  assert.equal(run.status, 0, run.stderr)
  assert.deepEqual((await readMel(at('coarse.npy'))).mel, (await readMel(at('own.npy'))).mel)
  const refused = called(['mel', at('own.npy'), '-o', at('x.npy'), '--convention', 'tacotron2', '--from', 'amphion'])
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /number of bands|sampleRate 22050/)
})

test('mel refuses an unknown or invalid convention, and --key for recordings', () => {
  const hint = called(['mel', wav, '-o', at('x.npy'), '--convention', 'tacotron'])
  assert.deepEqual([hint.status, /tacotron2/.test(hint.stderr)], [2, true])
  const wrong = put('wrong.json', '{"hop": 1}')
  assert.match(called(['mel', wav, '-o', at('x.npy'), '--convention', wrong]).stderr, /BAD_CONFIG/)
  assert.match(called(['mel', wav, '-o', at('x.npy'), ...lmnt, '--key', 'a']).stderr, /inputs that are mels/)
})

test('mel converts a batch mel by mel', async () => {
  const { mel } = await readMel(at('own.npy'))
  const twice = { shape: [2, mel.bands, mel.frames], data: Float32Array.of(...mel.data, ...mel.data.map(v => v - 1)) }
  const batch = put('batch.npy', encodeNpy(twice))
  const args = ['mel', batch, '-o', at('batch'), '--convention', 'tacotron2', '--from-log', 'log10']
  assert.equal(called(args).status, 0)
  assert.deepEqual(readdirSync(at('batch')), ['batch-0.npy', 'batch-1.npy'])
  const [first, second] = await Promise.all(['0', '1'].map(i => readMel(at(`batch/batch-${i}.npy`))))
  const expected = mel.data.map(value => value * Math.LN10)
  assert.ok(first!.mel.data.every((value, i) => Math.abs(value - Math.max(expected[i]!, Math.log(1e-5))) < 1e-4))
  assert.notDeepEqual(second, first)
  assert.match(called(['inspect', batch]).stdout, /mels: 2/)
})
