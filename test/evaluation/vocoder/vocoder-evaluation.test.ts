/** The distances by their properties and by numbers that can be derived, and a folder's evaluation with its bad files. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { decodeWav, readWav } from '#src/audio/codecs/wav'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { namedConventions } from '#src/audio/mel/convention'
import { DiffWaveError, type ErrorCode } from '#src/core/errors'
import { gaussian } from '#src/core/random'
import { trackPitch } from '#src/evaluation/pitch'
import { vocoderReport } from '#src/evaluation/report/vocoder-report'
import { COMPARED_RATE, compare, type Measure } from '#src/evaluation/vocoder/compare'
import { logMelDistance } from '#src/evaluation/vocoder/log-mel-distance'
import { melCepstralDistortion } from '#src/evaluation/vocoder/mel-cepstral-distortion'
import { pitchError } from '#src/evaluation/vocoder/pitch-error'
import { folderSystem, type System } from '#src/evaluation/vocoder/system'
import { evaluateVocoder, type VocoderEvaluationOptions } from '#src/evaluation/vocoder/vocoder-evaluation'
import { encodeNpy } from '#src/formats/npy'
import { golden } from '../../support/paths.js'

const scratch = mkdtempSync(join(tmpdir(), 'diffwave-evaluation-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const code = (expected: ErrorCode) => (error: unknown) => error instanceof DiffWaveError && error.code === expected

const noise = (seed: number, length = 12_000, scale = 0.1) => gaussian(seed, 0, 0, length).map(x => x * scale)
/** A voice of sorts: harmonics that fall off, at `frequency(t)` Hz. */
function voice(frequency: (seconds: number) => number, length = 22_050): Float32Array {
  const samples = new Float32Array(length)
  let phase = 0
  for (let i = 0; i < length; i++) {
    phase += (2 * Math.PI * frequency(i / COMPARED_RATE)) / COMPARED_RATE
    for (let harmonic = 1; harmonic <= 8; harmonic++) samples[i]! += (0.1 / harmonic) * Math.sin(harmonic * phase)
  }
  return samples
}

test('a recording is at no distance from itself, and at some from another', () => {
  const sound = voice(() => 150)
  const same = compare(sound, sound)
  for (const key of ['logMel', 'stft', 'logSpectral', 'melCepstral', 'pitchCents', 'level'] as Measure[]) {
    assert.equal(same[key as keyof typeof same], 0, key)
  }
  assert.equal(same.voicingF1, 1)
  const other = compare(sound, noise(1, sound.length))
  assert.ok(other.logMel! > 0.5 && other.stft! > 1 && other.melCepstral! > 5 && other.logSpectral! > 5)
})

test('half as loud: ln 2 in the log-mel, 6.02 dB in the log spectrum, the half and ln 2 in the STFT, nothing in the cepstrum', () => {
  const sound = noise(2, 12_000, 0.3)
  const { logMel, stft, logSpectral, melCepstral, level } = compare(
    sound,
    sound.map(x => x / 2),
  )
  assert.ok(Math.abs(logMel! - Math.LN2) < 1e-3)
  assert.ok(Math.abs(stft! - (0.5 + Math.LN2)) < 2e-3)
  assert.ok(Math.abs(logSpectral! - 20 * Math.log10(2)) < 2e-3)
  assert.ok(melCepstral! < 1e-3)
  assert.ok(Math.abs(level! + 20 * Math.log10(2)) < 1e-3)
})

test('log-mel and STFT distance are those of the shared tool quality.py (torch, torchaudio), measured on this pair', async () => {
  const { samples } = await readWav(golden('mel/LJ001-0001.wav'))
  const original = samples.slice(0, 40_000)
  const spoilt = original.map((x, i) => 0.8 * x + 0.01 * gaussian(1, 0, i, 1)[0]!)
  // Through 16 bits, as the tool read them.
  const [a, b] = [original, spoilt].map(clip => decodeWav(wav(clip), 'pair').samples)
  const { logMel, stft } = compare(a!, b!)
  assert.ok(Math.abs(logMel! - 1.064413) < 1e-5, String(logMel))
  assert.ok(Math.abs(stft! - 1.746218) < 3e-5, String(stft))
})

test('one cosine between two log mels is one cepstral coefficient; the distortion is symmetric', () => {
  const [bands, frames, height] = [80, 5, 0.3]
  const base = Float32Array.from({ length: bands * frames }, (_, i) => Math.sin(i))
  const waved = base.map((x, i) => x + height * Math.cos((Math.PI * 3 * (Math.floor(i / frames) + 0.5)) / bands))
  const [a, b] = [base, waved].map(data => ({ data, bands, frames }))
  // ln S² differs by 2·height·cos, that is by 2·c_3·cos: Δc_3 = height.
  assert.ok(Math.abs(melCepstralDistortion(a!, b!) - (10 / Math.LN10) * Math.SQRT2 * height) < 1e-4)
  assert.equal(melCepstralDistortion(a!, b!), melCepstralDistortion(b!, a!))
  assert.ok(Math.abs(logMelDistance(a!, b!) - (height * 2) / Math.PI) < 1e-3)
})

test('the pitch of sines and voices is right within 1 %, through noise, and noise has none', () => {
  const tracked = (samples: Float32Array) => [...trackPitch(samples, COMPARED_RATE).frequencies].slice(8, -8)
  for (const frequency of [70, 110, 220.5, 440, 580]) {
    const sine = Float32Array.from(
      { length: 11_025 },
      (_, i) => 0.3 * Math.sin((2 * Math.PI * frequency * i) / COMPARED_RATE),
    )
    for (const found of tracked(sine)) assert.ok(Math.abs(found / frequency - 1) < 0.01, `${found} of ${frequency}`)
    const hoarse = voice(() => frequency, 11_025).map((x, i) => x + 0.03 * gaussian(3, 0, i, 1)[0]!)
    for (const found of tracked(hoarse))
      assert.ok(Math.abs(found / frequency - 1) < 0.01, `${found} of ${frequency}, hoarse`)
  }
  assert.ok(tracked(noise(4, 22_050)).filter(found => found > 0).length < 10)
  assert.ok(tracked(new Float32Array(22_050)).every(found => found === 0))
})

test('pitch errors are those put in', () => {
  const low = voice(t => 150 + 40 * t)
  const high = voice(t => (150 + 40 * t) * 2 ** (50 / 1200))
  const [a, b] = [low, high].map(samples => trackPitch(samples, COMPARED_RATE))
  const error = pitchError(a!, b!)
  assert.ok(Math.abs(error.cents! - 50) < 2, String(error.cents))
  assert.ok(Math.abs(error.hertz! - 170 * (2 ** (50 / 1200) - 1)) < 0.5, String(error.hertz))
  assert.equal(error.grossShare, 0)
  const half = low.map((x, i) => (i < low.length / 2 ? x : 0))
  const { voicingF1 } = pitchError(a!, trackPitch(half, COMPARED_RATE))
  // All found are right, half are missing: 2·½/(1 + ½).
  assert.ok(Math.abs(voicingF1! - 2 / 3) < 0.03, String(voicingF1))
})

test('silence beside silence, and beside sound, gives numbers or nothing, never NaN', () => {
  const silence = new Float32Array(8000)
  for (const [a, b] of [
    [silence, silence],
    [silence, noise(5, 8000)],
    [noise(5, 8000), silence],
  ] as const) {
    for (const [key, value] of Object.entries(compare(a, b)))
      assert.ok(value === null || Number.isFinite(value), `${key} ${value}`)
  }
})

function folder(name: string, files: Readonly<Record<string, Uint8Array | string>>): string {
  const path = join(scratch, name)
  mkdirSync(path)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content)
  return path
}
const wav = (samples: Float32Array, sampleRate = COMPARED_RATE) => encodeWav({ samples, sampleRate })
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

test('of a folder what can be measured is, stereo, other rates and lengths included; the rest is left out by name', async () => {
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
    options({ reference, systems: [copied, echo], keepAudio: 2, clock: () => time++ }),
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
  const html = vocoderReport(evaluation, 'a & b', { seed: '1' })
  assert.equal(html.match(/<audio /g)!.length, 6)
  assert.equal(html.match(/data:image\/png/g)!.length, 6)
  assert.match(html, /echo &lt;1&gt;/)
  assert.doesNotMatch(html, /NaN|undefined|echo <1>|https?:/)
})

test('given mels take the place of computed ones, checked for bands and length', async () => {
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

test('folders without recordings, or with none that can be measured, are refused; a system’s own fault is not hidden', async () => {
  const empty = folder('empty', { 'notes.txt': 'none' })
  const broken = folder('broken', { 'a.wav': 'RIFF' })
  const system: System = {
    name: 's',
    timed: false,
    make: async () => Promise.reject(new DiffWaveError('ENGINE_FAILED', 'it fell')),
  }
  await assert.rejects(evaluateVocoder(options({ reference: empty, systems: [system] })), code('BAD_DATA'))
  await assert.rejects(evaluateVocoder(options({ reference: broken, systems: [system] })), code('BAD_DATA'))
  await assert.rejects(
    evaluateVocoder(options({ reference: join(scratch, 'none'), systems: [system] })),
    code('FILE_NOT_FOUND'),
  )
  await assert.rejects(folderSystem(empty), code('BAD_DATA'))
  const sounding = folder('sounding', { 'a.wav': wav(noise(8)) })
  await assert.rejects(evaluateVocoder(options({ reference: sounding, systems: [system] })), code('ENGINE_FAILED'))
  await assert.rejects(evaluateVocoder(options({ reference: sounding, systems: [] })), code('BAD_OPTION'))
  const stopped = options({ reference: sounding, systems: [system], signal: AbortSignal.abort() })
  await assert.rejects(evaluateVocoder(stopped), code('ABORTED'))
})
