/** `diffwave inspect` on the command line. */
import assert from 'node:assert/strict'
import { copyFileSync, truncateSync } from 'node:fs'
import { test } from 'node:test'
import { encodeNpy } from '#src/formats/npy'
import { writeModelFolder } from '#src/model/folder'
import { initialParameters } from '#src/training/optimiser/initialise'
import { npyMel, putTone } from '../support/cli-inputs.js'
import { smallGeneratorConfig } from '../support/configs.js'
import { golden } from '../support/paths.js'
import { called, jsonLines, scratch } from '../support/process.js'

const files = scratch()
const { folder, at, put } = files

test('inspect describes mels, recordings, and models by path or name', () => {
  const run = called(['--json', 'inspect', put('m.npy', npyMel(6)), putTone(files), 'speech'], { cwd: folder })
  assert.equal(run.status, 0, run.stderr)
  const [mel, wav, model] = jsonLines(run.stdout)
  assert.deepEqual([mel!['bands'], mel!['looksLike']], [80, ['lmnt']])
  assert.equal(wav!['sampleRate'], 16000)
  assert.deepEqual([model!['kind'], model!['convention']], ['vocoder', 'tacotron2'])
  assert.deepEqual(model!['windows'], { length: 512, hop: 128, bins: 187, learned: false, envelope: true })
  assert.deepEqual(model!['trainingSchedule'], { kind: 'cosine', steps: 200 })
})

test('inspect prints words and units where JSON has names', () => {
  const { stdout } = called(['inspect', putTone(files), 'speech'])
  assert.match(stdout, /sample rate: 16000 Hz\n {2}length: [\d.]+ s\n/)
  assert.match(stdout, /windows: 512 samples every 128, 187 bins, with the mel’s envelope\n/)
  assert.match(stdout, /training schedule: cosine, 200 steps\n/)
  assert.match(stdout, /look-ahead with the defaults: [\d.]+ ms\n/)
  assert.doesNotMatch(stdout, /^ *\w*[a-z][A-Z]\w*:/m)
  const strange = put('strange.npy', encodeNpy({ shape: [80, 2], data: new Float32Array(160).fill(30) }))
  assert.match(called(['inspect', strange]).stdout, /looks like: no known convention\n/)
})

test('inspect says how to convert linear values, for any number of bands', () => {
  for (const bands of [80, 64]) {
    const data = Float32Array.from({ length: bands * 50 }, (_, i) => Math.exp(-11.5 + (12 * ((i * 7) % 50)) / 49))
    const linear = put(`linear-${bands}.npy`, encodeNpy({ shape: [bands, 50], data }))
    const { status, stdout, stderr } = called(['inspect', linear])
    assert.equal(status, 0, stderr)
    assert.match(stdout, /looks like: linear\n/)
    assert.match(stderr, /linear scale.*--mel-log none/)
  }
})

test('inspect turns a mel of which only the frames are as many as a convention has bands', () => {
  const data = Float32Array.from({ length: 80 * 50 }, (_, i) => -11.5 + (12 * ((i * 7) % 50)) / 49)
  const turned = put('turned.npy', encodeNpy({ shape: [50, 80], data }))
  const { status, stdout, stderr } = called(['--json', 'inspect', turned])
  assert.equal(status, 0, stderr)
  const { bands, frames, looksLike } = JSON.parse(stdout)
  assert.deepEqual({ bands, frames, looksLike }, { bands: 80, frames: 50, looksLike: ['tacotron2', 'hifigan'] })
  assert.match(stderr, /it was transposed/)
})

test('inspect reads a .npy file larger than what fits into memory', () => {
  const shape = [10_001, 80, 700]
  const header = encodeNpy({ shape: [1, 1], data: new Float32Array(1) }).subarray(0, 128)
  const text = Buffer.from(header)
    .toString('latin1')
    .replace(/\(1, 1\), }( +)/, (_, room: string) => {
      const stated = `(${shape.join(', ')}), }`
      return stated + ' '.repeat(9 + room.length - stated.length)
    })
  const large = put('large.npy', Buffer.from(text, 'latin1'))
  // The file has no blocks on the disk. Its batch is refused for the number of its mels, from the header.
  truncateSync(large, 128 + 4 * shape.reduce((product, size) => product * size))
  assert.match(called(['inspect', large]).stderr, /^error\[TOO_LARGE\]: the batch has too many mels/)
})

test('inspect notes padding of zeros', () => {
  const data = Float32Array.from({ length: 80 * 50 }, (_, i) => (i % 50 < 40 ? -11.5 + (12 * ((i * 7) % 50)) / 49 : 0))
  const { status, stderr } = called(['inspect', put('padded.npy', encodeNpy({ shape: [80, 50], data }))])
  assert.equal(status, 0, stderr)
  assert.match(stderr, /its last 10 frames are exactly 0/)
})

test('inspect recognises compressed recordings by their bytes', () => {
  copyFileSync(golden('audio/tones.flac'), at('flac.wav'))
  const names = ['tones.mp3', 'tones.ogg', 'tones.opus'].map(name => golden(`audio/${name}`))
  const run = called(['--json', 'inspect', at('flac.wav'), ...names])
  assert.equal(run.status, 0, run.stderr)
  assert.deepEqual(
    jsonLines(run.stdout).map(({ format }) => format),
    ['FLAC, 16 bits', 'MP3', 'Ogg Vorbis', 'Ogg Opus'],
  )
})

test('inspect wraps long lists of labels and escapes control characters in them', async () => {
  const labels = Array.from({ length: 60 }, (_, i) => `label-number-${i}`)
  labels[1] = 'red\u001b[31m\u202eder'
  const config = smallGeneratorConfig()
  const network = { ...config.network, labels }
  await writeModelFolder(at('model'), { config: { ...config, network }, parameters: initialParameters(network, 1) })
  const { status, stdout, stderr } = called(['inspect', at('model')])
  assert.equal(status, 0, stderr)
  for (const line of stdout.split('\n').slice(1)) assert.ok(line.length <= 100, line)
  assert.ok(stdout.includes('red\\u001b[31m\\u202eder'))
  const json = called(['--json', 'inspect', at('model')]).stdout
  const obeyed = ['\u001b', '\u202e']
  assert.ok(!obeyed.some(character => (stdout + json).includes(character)))
  assert.deepEqual(JSON.parse(json).labels, labels)
  const wrong = called(['generate', '-m', at('model'), '-o', at('x.wav'), '--label', 'label-numbr-7'])
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /60 names.*\nhint: Did you mean label-number-7\?/)
})
