/** The metrics of a pair of recordings. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { decodeWav } from '#src/audio/codecs/wav'
import { gaussian } from '#src/core/random'
import { trackPitch } from '#src/evaluation/pitch'
import { compare } from '#src/evaluation/vocoder/compare'
import { levelDifferences } from '#src/evaluation/vocoder/levels'
import { COMPARED_RATE, type Measure } from '#src/evaluation/vocoder/measures'
import { modulationError } from '#src/evaluation/vocoder/modulation-error'
import { periodicityError } from '#src/evaluation/vocoder/periodicity-error'
import { pitchError } from '#src/evaluation/vocoder/pitch-error'
import { golden } from '../../support/paths.js'
import { noise, voice, wav } from '../../support/sounds.js'

test('a recording is at distance 0 from itself, and far from noise', () => {
  const sound = voice(() => 150, 8000)
  const same = compare(sound, sound)
  for (const key of ['logMel', 'stft', 'logSpectral', 'melCepstral', 'pitchCents', 'level'] as Measure[]) {
    assert.equal(same[key as keyof typeof same], 0, key)
  }
  assert.deepEqual([same.voicingF1, same.periodicity], [1, 0])
  const other = compare(sound, noise(1, sound.length))
  assert.ok(other.logMel! > 0.5 && other.stft! > 1 && other.melCepstral! > 5 && other.logSpectral! > 5)
})

test('every measure has its place, over the length of the shorter recording', () => {
  const hiss = noise(3, 9000, 0.0001)
  const original = voice(() => 150, 9000).map((x, i) => (i < 6000 ? x : 0) + hiss[i]!)
  const made = voice(() => 195, 8000).map((x, i) => (i < 6000 ? x : 0) + 2 * hiss[i]!)
  const [a, b] = [original.subarray(0, 8000), made]
  const [first, second] = [trackPitch(a, COMPARED_RATE), trackPitch(b, COMPARED_RATE)]
  const { cents, hertz, grossShare, voicingF1 } = pitchError(first, second)
  const { whole, pauses, high, centroid } = levelDifferences(a, b, COMPARED_RATE)
  const { pitchCents, pitchHertz, pitchGross, level, pauseLevel, highLevel, ...found } = compare(original, made)
  assert.deepEqual([pitchCents, pitchHertz, pitchGross, found.voicingF1], [cents, hertz, grossShare, voicingF1])
  assert.deepEqual([level, pauseLevel, highLevel, found.centroid], [whole, pauses, high, centroid])
  assert.equal(found.periodicity, periodicityError(first, second))
  assert.equal(found.modulation, modulationError(a, b, COMPARED_RATE))
  assert.ok(grossShare === 1 && pauses! > 5 && centroid > 0)
})

test('half the amplitude has exactly the distances that follow from it', () => {
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

test('log-mel and STFT distance equal those of PyTorch and torchaudio', async () => {
  const { samples } = await readWav(golden('mel/LJ001-0001.wav'))
  const original = samples.slice(0, 40_000)
  const spoilt = original.map((x, i) => 0.8 * x + 0.01 * gaussian(1, 0, i, 1)[0]!)
  // Through 16 bits: the numbers were measured on WAV files of this pair.
  const [a, b] = [original, spoilt].map(clip => decodeWav(wav(clip), 'pair').samples)
  const { logMel, stft } = compare(a!, b!)
  assert.ok(Math.abs(logMel! - 1.064413) < 1e-5, String(logMel))
  assert.ok(Math.abs(stft! - 1.746218) < 3e-5, String(stft))
})

test('silence gives numbers or null, never NaN', () => {
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
