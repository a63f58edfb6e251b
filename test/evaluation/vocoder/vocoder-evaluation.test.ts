/** Evaluation of copy synthesis over a folder, including bad files. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { DiffWaveError } from '#src/core/errors'
import { vocoderReport } from '#src/evaluation/report/vocoder-report'
import { COMPARED_RATE } from '#src/evaluation/vocoder/measures'
import { folderSystem, type Original, type System } from '#src/evaluation/vocoder/system'
import { evaluateVocoder, type VocoderEvaluationOptions } from '#src/evaluation/vocoder/vocoder-evaluation'
import { encodeNpy } from '#src/formats/npy'
import { code } from '../../support/errors.js'
import { scratchFolder } from '../../support/scratch.js'
import { noise, voice, wav } from '../../support/sounds.js'

const scratch = scratchFolder('evaluation')

function folder(name: string, files: Readonly<Record<string, Uint8Array | string>>): string {
  const path = join(scratch, name)
  mkdirSync(path)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content)
  return path
}
/** A 16-bit WAV of two channels. */
function stereo(left: Float32Array, right: Float32Array): Uint8Array {
  const both = new Float32Array(2 * left.length)
  for (let i = 0; i < left.length; i++) both.set([left[i]!, right[i]!], 2 * i)
  const bytes = wav(both)
  const view = new DataView(bytes.buffer)
  view.setUint16(22, 2, true)
  view.setUint16(32, 4, true)
  return bytes
}
const options = (fields: Partial<VocoderEvaluationOptions>): VocoderEvaluationOptions => ({
  reference: scratch,
  convention: namedConventions.tacotron2,
  systems: [],
  clock: () => 0,
  ...fields,
})

/** A system that returns the same audio for every recording. */
const always = (samples: Float32Array): System => ({
  name: 'same',
  timed: false,
  make: async () => ({ samples, sampleRate: COMPARED_RATE }),
})

test('evaluates stereo, other rates and other lengths, and lists what is left out', async () => {
  const [left, right] = [voice(() => 150), noise(6, 22_050, 0.02)]
  const mixed = left.map((x, i) => (x + right[i]!) / 2)
  const reference = folder('reference', {
    'a.wav': stereo(left, right),
    'b.wav': wav(
      voice(() => 200, 16_000),
      16_000,
    ),
    'broken.flac': 'fLaC and then nothing',
    'copyless.wav': wav(left),
    'short.wav': wav(left.subarray(0, 500)),
    'silent.wav': wav(new Float32Array(9000)),
  })
  const copies = folder('copies', {
    'a.wav': wav(mixed.subarray(0, 20_000)),
    'b.wav': wav(
      voice(() => 200, 16_000),
      16_000,
    ),
    'short.wav': wav(left),
    'silent.wav': wav(new Float32Array(9000)),
  })
  const echo: System = {
    name: 'echo <1>',
    timed: true,
    make: async ({ mel, length }) => ({ samples: noise(mel.frames, length), sampleRate: COMPARED_RATE }),
  }
  const copied = await folderSystem(copies)
  let time = 0
  const evaluation = await evaluateVocoder(
    options({ reference, systems: [copied, echo], keepAudio: 1, clock: () => time++ }),
  )
  assert.deepEqual(
    evaluation.files.map(({ name, lengthDifferences }) => [name, lengthDifferences.get(copies)]),
    [
      ['a', -2050],
      ['b', undefined],
      ['silent', undefined],
    ],
  )
  assert.deepEqual(
    evaluation.leftOut.map(({ file }) => file.slice(reference.length + 1)),
    ['broken.flac', 'copyless.wav', 'short.wav'],
  )
  const [a, b] = evaluation.files.map(({ measurements }) => measurements.get(copies)!)
  assert.ok(a!.logMel! < 0.02 && b!.logMel! < 1e-6)
  assert.equal(a!.realTimeFactor, null)
  assert.equal(evaluation.files[0]!.measurements.get('echo <1>')!.realTimeFactor, 1)
  const { overall, files } = evaluation
  const mean = files.reduce((sum, { measurements }) => sum + measurements.get(copies)!.logMel!, 0) / 3
  assert.equal(overall.get(copies)!.logMel, mean)
  // The silent recording has no pitch, and none has a real-time factor.
  const pitches = files.map(({ measurements }) => measurements.get(copies)!.pitchCents)
  assert.deepEqual([pitches[2], overall.get(copies)!.pitchCents], [null, (pitches[0]! + pitches[1]!) / 2])
  assert.equal(overall.get(copies)!.realTimeFactor, null)
  const html = vocoderReport(evaluation, 'a & b', { seed: '1' })
  assert.equal(html.match(/<audio /g)!.length, 3)
  assert.equal(html.match(/data:image\/png/g)!.length, 3)
  assert.match(html, /echo &lt;1&gt;/)
  assert.doesNotMatch(html, /NaN|undefined|echo <1>|https?:/)
})

test('given mels replace computed ones, and are checked for bands and length', async () => {
  const sound = noise(7, 10_240)
  const reference = folder('with-mels', {
    'a.wav': wav(sound),
    'b.wav': wav(sound),
    'c.wav': wav(sound),
    'd.wav': wav(sound),
  })
  const mel = (bands: number, frames: number) =>
    encodeNpy({ shape: [bands, frames], data: new Float32Array(bands * frames).fill(-4) })
  const mels = folder('mels', { 'a.npy': mel(80, 41), 'b.npy': mel(64, 41), 'c.npy': mel(80, 30) })
  const seen: number[] = []
  const system: System = {
    name: 'seen',
    timed: false,
    make: async ({ mel }) => {
      seen.push(mel.data[0]!)
      return { samples: sound, sampleRate: COMPARED_RATE }
    },
  }
  const { files, leftOut } = await evaluateVocoder(options({ reference, mels, systems: [system] }))
  assert.deepEqual([files.map(({ name }) => name), seen], [['a'], [-4]])
  assert.equal(files[0]!.melGiven, true)
  assert.deepEqual(
    leftOut.map(({ reason }) => /bands|long|no mel/.exec(reason)?.[0]),
    ['bands', 'long', 'no mel'],
  )
})

test('a mel counts only for the recording of the same relative path', async () => {
  const sound = noise(7, 10_240)
  const reference = folder('same-names', { 'a.wav': wav(sound) })
  mkdirSync(join(reference, 'x'))
  writeFileSync(join(reference, 'x', 'a.wav'), wav(sound))
  const mels = folder('same-names-mels', {
    'a.npy': encodeNpy({ shape: [80, 41], data: new Float32Array(80 * 41).fill(-4) }),
  })
  const { files, leftOut } = await evaluateVocoder(options({ reference, mels, systems: [always(sound)] }))
  assert.deepEqual(
    [files.map(({ name }) => name), leftOut.map(({ file }) => file)],
    [['a'], [join(reference, 'x', 'a.wav')]],
  )
})

test('a copy is found by its name, whether its characters are composed or not', async () => {
  const copies = await folderSystem(folder('accents', { '\u00e9.wav': wav(noise(8)) }))
  assert.equal((await copies.make({ name: 'e\u0301' } as Original)).sampleRate, COMPARED_RATE)
})

describe('evaluateVocoder refuses', () => {
  const system: System = {
    name: 's',
    timed: false,
    make: async () => Promise.reject(new DiffWaveError('ENGINE_FAILED', 'it fell')),
  }

  test('folders without recordings, or without any that can be evaluated', async () => {
    const empty = folder('empty', { 'notes.txt': 'none' })
    const broken = folder('broken', { 'a.wav': 'RIFF' })
    const missing = join(scratch, 'none')
    await assert.rejects(evaluateVocoder(options({ reference: empty, systems: [system] })), code('BAD_DATA'))
    await assert.rejects(evaluateVocoder(options({ reference: broken, systems: [system] })), code('BAD_DATA'))
    await assert.rejects(evaluateVocoder(options({ reference: missing, systems: [system] })), code('FILE_NOT_FOUND'))
    await assert.rejects(folderSystem(empty), code('BAD_DATA'))
    const reference = folder('alone', { 'a.wav': wav(noise(8)) })
    const copies = await folderSystem(folder('others', { 'b.wav': wav(noise(8)) }))
    const refusal = code('BAD_DATA', /^no recording .*: there is no copy of a \(.*others\) \(.*a\.wav\)$/)
    await assert.rejects(evaluateVocoder(options({ reference, systems: [copies] })), refusal)
  })

  test('two recordings, or two copies, of one name, and names both', async () => {
    const doubled = folder('doubled', { 'a.flac': 'fLaC', 'a.wav': wav(noise(8)), 'b.wav': wav(noise(9)) })
    const both = { code: 'BAD_DATA', message: /a\.flac and .*a\.wav/ }
    await assert.rejects(evaluateVocoder(options({ reference: doubled, systems: [system] })), both)
    await assert.rejects(folderSystem(doubled), both)
  })

  test('an empty list of systems, and passes on their errors and an abort', async () => {
    const reference = folder('sounding', { 'a.wav': wav(noise(8)) })
    await assert.rejects(evaluateVocoder(options({ reference, systems: [system] })), code('ENGINE_FAILED'))
    await assert.rejects(evaluateVocoder(options({ reference, systems: [] })), code('BAD_OPTION'))
    const stopped = options({ reference, systems: [system], signal: AbortSignal.abort() })
    await assert.rejects(evaluateVocoder(stopped), code('ABORTED'))
  })
})

test('a damaged mel of any format leaves out only its recording', async () => {
  const sound = noise(7, 10_240)
  const names = ['good', 'npy', 'npz', 'pt', 'safetensors']
  const reference = folder('damaged-mels', Object.fromEntries(names.map(name => [`${name}.wav`, wav(sound)])))
  const good = encodeNpy({ shape: [80, 41], data: new Float32Array(80 * 41).fill(-4) })
  const zip = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(60, 1)])
  const mels = folder('damaged-mels-files', {
    'good.npy': good,
    'npy.npy': good.subarray(0, 100),
    'npz.npz': zip,
    'pt.pt': zip,
    'safetensors.safetensors': Buffer.alloc(40, 1),
  })
  const { files, leftOut } = await evaluateVocoder(options({ reference, mels, systems: [always(sound)] }))
  assert.deepEqual(
    files.map(({ name }) => name),
    ['good'],
  )
  assert.equal(leftOut.length, 4)
})
