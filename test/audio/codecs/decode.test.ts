/** Recordings as they come: every format is heard as it was written, and what is broken is refused. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeAudio } from '#src/audio/codecs/decode'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { DiffWaveError } from '#src/core/errors'
import { uniformInteger } from '#src/core/random'
import { golden } from '../../support/paths.js'

/** 0.25 s at 22,050 Hz: 440 Hz at 0.5 on the left, 660 Hz at 0.25 on the right. */
const SAMPLES = 5512
const formats = ['flac', 'ogg', 'mp3', 'opus'] as const
const bytesOf = (format: string) => new Uint8Array(readFileSync(golden(`audio/tones.${format}`)))

/** Amplitude of a tone in the midst of the recording. */
function amplitude(samples: Float32Array, sampleRate: number, frequency: number): number {
  let [cosine, sine, count] = [0, 0, 0]
  // From 80 to 180 ms there are whole periods of both.
  for (let i = Math.round(0.08 * sampleRate); i < Math.round(0.18 * sampleRate); i++, count++) {
    const phase = (2 * Math.PI * frequency * i) / sampleRate
    cosine += samples[i]! * Math.cos(phase)
    sine += samples[i]! * Math.sin(phase)
  }
  return (2 * Math.hypot(cosine, sine)) / count
}

for (const [format, rate, length, gain] of [
  ['flac', 22050, SAMPLES, 1],
  ['ogg', 22050, SAMPLES, 1],
  // LAME turns down by 0.95, and whole frames come back.
  ['mp3', 22050, 6912, 0.95],
  // Opus is always played at 48,000 Hz; opusenc's change of rate adds 3.5 ms.
  ['opus', 48_000, 12_168, 1],
] as const) {
  test(`${format} is decoded, its channels averaged`, async () => {
    const { samples, sampleRate } = await decodeAudio(bytesOf(format), format)
    assert.equal(sampleRate, rate)
    assert.equal(samples.length, length)
    assert.ok(Math.abs(amplitude(samples, sampleRate, 440) - 0.25 * gain) < 0.005)
    assert.ok(Math.abs(amplitude(samples, sampleRate, 660) - 0.125 * gain) < 0.005)
    assert.ok(amplitude(samples, sampleRate, 550) < 0.01)
  })
}

test('lossless is exact', async () => {
  const { samples } = await decodeAudio(bytesOf('flac'), 'tones.flac')
  for (let i = 0; i < SAMPLES; i++) {
    const [left, right] = [440, 660].map(f => Math.sin((2 * Math.PI * f * i) / 22050)) as [number, number]
    const mean = (Math.round(16384 * left) + Math.round(8192 * right)) / 2 / 32768
    assert.ok(Math.abs(samples[i]! - mean) < 6e-8)
  }
})

test('a file that is cut or changed is decoded or refused, with a code', async () => {
  const codes = new Set<string>()
  for (const [number, format] of formats.entries()) {
    for (let attempt = 0; attempt < 60; attempt++) {
      const draw = (index: number, bound: number) => uniformInteger(number, attempt, index, bound)
      const whole = bytesOf(format)
      const bytes = whole.slice(0, attempt % 2 === 0 ? whole.length : draw(0, whole.length))
      for (let i = 0; i < attempt % 5; i++) bytes[draw(1 + 2 * i, bytes.length)] = draw(2 + 2 * i, 256)
      try {
        const { samples, sampleRate } = await decodeAudio(bytes, `${format} ${attempt}`)
        assert.ok(samples.length > 0 && samples.length < 1e6 && sampleRate > 0, `${format} ${attempt}`)
      } catch (error) {
        assert.ok(error instanceof DiffWaveError, `${format} ${attempt}: ${error}`)
        codes.add(error.code)
      }
    }
  }
  assert.ok(codes.has('BAD_AUDIO'))
})

test('a format is told by the first bytes, whatever the name', async () => {
  const wav = encodeWav({ samples: Float32Array.of(0.5, -0.5), sampleRate: 8000 })
  assert.equal((await decodeAudio(wav, 'song.mp3')).samples.length, 2)
  await assert.rejects(
    decodeAudio(new TextEncoder().encode('no recording'), 'song.wav'),
    error => error instanceof DiffWaveError && error.code === 'UNSUPPORTED_FORMAT',
  )
  await assert.rejects(
    decodeAudio(new Uint8Array(0), 'empty.wav'),
    error => error instanceof DiffWaveError && error.code === 'UNSUPPORTED_FORMAT',
  )
})
