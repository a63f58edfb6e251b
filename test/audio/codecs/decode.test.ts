/** Decoding of every format: intact files give the recorded samples, and damaged files are refused. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { decodeAudio, readAudio } from '#src/audio/codecs/decode'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { DiffWaveError } from '#src/core/errors'
import { uniformInteger } from '#src/core/random'
import { ascii } from '../../support/bytes.js'
import { code } from '../../support/errors.js'
import { golden } from '../../support/paths.js'

/** 0.25 s at 22,050 Hz: 440 Hz at 0.5 on the left, 660 Hz at 0.25 on the right. */
const SAMPLES = 5512
const formats = ['flac', 'ogg', 'mp3', 'opus'] as const
const bytesOf = (name: string) => new Uint8Array(readFileSync(golden(`audio/${name}`)))

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
  // Opus always decodes to 48,000 Hz; the encoder's delay and padding are cut off to the sample.
  ['opus', 48_000, 11_999, 1],
] as const) {
  test(`decodes ${format} and averages its channels`, async () => {
    const { samples, sampleRate } = await decodeAudio(bytesOf(`tones.${format}`), format)
    assert.equal(sampleRate, rate)
    assert.equal(samples.length, length)
    assert.ok(Math.abs(amplitude(samples, sampleRate, 440) - 0.25 * gain) < 0.005)
    assert.ok(Math.abs(amplitude(samples, sampleRate, 660) - 0.125 * gain) < 0.005)
    assert.ok(amplitude(samples, sampleRate, 550) < 0.01)
  })
}

test('decodes FLAC of 16 bits exactly', async () => {
  const { samples } = await decodeAudio(bytesOf('tones.flac'), 'tones.flac')
  for (let i = 0; i < SAMPLES; i++) {
    const [left, right] = [440, 660].map(f => Math.sin((2 * Math.PI * f * i) / 22050)) as [number, number]
    const mean = (Math.round(16384 * left) + Math.round(8192 * right)) / 2 / 32768
    assert.ok(Math.abs(samples[i]! - mean) < 6e-8)
  }
})

test('decodes FLAC of 24 bits exactly', async () => {
  const { samples, format } = await decodeAudio(bytesOf('24.flac'), '24.flac')
  assert.equal(format, 'FLAC, 24 bits')
  assert.equal(samples.length, 3000)
  for (let i = 0; i < samples.length; i++) {
    const channel = (k: number) => (((i * i * 31 + i * 977 * k) % 2 ** 24) - 2 ** 23) / 2 ** 23
    assert.equal(samples[i], Math.fround((channel(1) + channel(2)) / 2))
  }
})

test('decodes FLAC in an Ogg container to the same samples as plain FLAC', async () => {
  const { samples } = await decodeAudio(bytesOf('tones.flac'), 'tones.flac')
  assert.deepEqual((await decodeAudio(bytesOf('flac.oga'), 'flac.oga')).samples, samples)
})

test('averages the six channels of Vorbis and Opus', async () => {
  for (const [name, rate, gain] of [
    ['six.ogg', 22_050, 1],
    // Opus filters all but the lowest sounds out of the sixth channel.
    ['six.opus', 48_000, 5 / 6],
  ] as const) {
    const { samples, sampleRate, channels } = await decodeAudio(bytesOf(name), name)
    assert.equal(sampleRate, rate)
    assert.equal(channels, 6)
    assert.ok(Math.abs(amplitude(samples, sampleRate, 440) - 0.25 * gain) < 0.01, name)
  }
})

const id3 = (size: number) => Uint8Array.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, size, ...new Uint8Array(size)])

test('decodes a chain of two Ogg streams to the length of both, to the sample', async () => {
  for (const [format, length] of [
    ['opus', 11_999],
    ['ogg', SAMPLES],
  ] as const) {
    const one = bytesOf(`tones.${format}`)
    const { samples } = await decodeAudio(Uint8Array.from([...one, ...one]), `chain.${format}`)
    assert.equal(samples.length, 2 * length)
    assert.ok(Math.abs(samples[length + 2000]! - samples[2000]!) < 1e-6)
  }
})

test('says that it reads only the first of several streams of FLAC', async () => {
  const one = bytesOf('flac.oga')
  const { samples, notes } = await decodeAudio(Uint8Array.from([...one, ...one]), 'chain.oga')
  assert.equal(samples.length, SAMPLES)
  assert.deepEqual(notes, ['Only the first of the streams that follow one another is read.'])
})

test('recognises a format behind ID3 tags', async () => {
  for (const format of ['flac', 'mp3'] as const) {
    const plain = await decodeAudio(bytesOf(`tones.${format}`), format)
    const tagged = Uint8Array.from([...id3(40), ...id3(3), 0, 0, ...bytesOf(`tones.${format}`)])
    assert.deepEqual((await decodeAudio(tagged, format)).samples, plain.samples, format)
  }
})

test('reports a file that ends inside its ID3 tag as truncated', async () => {
  const tag = id3(100)
  for (const length of [20, 60, tag.length]) {
    await assert.rejects(decodeAudio(tag.subarray(0, length), 'cut.mp3'), code('TRUNCATED', /ID3/))
  }
})

test('reads a truncated file to its end and adds a note', async () => {
  for (const name of ['tones.flac', 'tones.mp3', 'long.opus', 'long.ogg']) {
    const whole = await decodeAudio(bytesOf(name), name)
    assert.deepEqual(whole.notes, [], name)
    const bytes = bytesOf(name)
    const cut = await decodeAudio(bytes.subarray(0, Math.floor(0.8 * bytes.length)), name)
    assert.equal(cut.notes.length, 1, name)
    assert.match(cut.notes[0]!, /to the end of the file|to its last whole page/)
    assert.ok(cut.samples.length > 0 && cut.samples.length < whole.samples.length, name)
  }
})

test('leaves out what follows the end of a stream and adds a note', async () => {
  for (const name of ['tones.flac', 'tones.opus', 'tones.ogg', 'flac.oga']) {
    const whole = await decodeAudio(bytesOf(name), name)
    const more = await decodeAudio(Uint8Array.from([...bytesOf(name), ...ascii('something else')]), name)
    assert.deepEqual(more.samples, whole.samples, name)
    assert.deepEqual(more.notes, ['What follows the end of the stream is left out.'], name)
  }
})

test('refuses a FLAC header that declares far too many samples, before decoding it', async () => {
  const bytes = bytesOf('tones.flac')
  // STREAMINFO's number of samples: 36 bits, of which the last 32 begin at byte 22.
  new DataView(bytes.buffer).setUint32(22, 2 ** 31)
  await assert.rejects(decodeAudio(bytes, 'bomb.flac'), { name: 'DiffWaveError', code: 'TOO_LARGE' })
})

describe('maxSeconds', () => {
  test('a recording of exactly that length is read, and a longer one is refused, in every format', async () => {
    for (const name of ['tones.flac', 'flac.oga', 'tones.mp3', 'tones.opus', 'tones.ogg', 'wav']) {
      const bytes = name === 'wav' ? encodeWav({ samples: new Float32Array(8000), sampleRate: 8000 }) : bytesOf(name)
      const { samples, sampleRate } = await decodeAudio(bytes, name)
      const maxSeconds = samples.length / sampleRate
      assert.equal((await decodeAudio(bytes, name, { maxSeconds })).samples.length, samples.length, name)
      await assert.rejects(decodeAudio(bytes, name, { maxSeconds: maxSeconds - 0.001 }), { code: 'TOO_LARGE' }, name)
    }
  })

  test('a recording that declares more is refused before it is decoded to its end', async () => {
    const bytes = bytesOf('tones.flac')
    new DataView(bytes.buffer).setUint32(22, 100 * 22_050)
    await assert.rejects(decodeAudio(bytes, 'long.flac', { maxSeconds: 99 }), { code: 'TOO_LARGE', got: '100.0 s' })
  })

  test('readAudio checks the limit', async () => {
    const path = golden('audio/tones.flac')
    await assert.rejects(readAudio(path, { maxSeconds: 0.2 }), { code: 'TOO_LARGE', expected: 'at most 0.2 s' })
    await assert.rejects(readAudio(path, { maxSeconds: -1 }), { code: 'BAD_OPTION' })
  })
})

test('refuses an impossible sample rate', async () => {
  const flac = bytesOf('tones.flac')
  // 20 bits from byte 18 on: 16 Hz.
  flac.set([0, 1, flac[20]! & 0x0f], 18)
  await assert.rejects(decodeAudio(flac, 'a.flac'), { code: 'BAD_AUDIO', message: /sample rate/ })
})

test('an unsupported format is named in the error, with a hint to convert it by ffmpeg', async () => {
  for (const [start, name] of [
    ['\0\0\0 ftypM4A ', /MP4/],
    ['FORM\0\0\0\0AIFF', /AIFF/],
    ['\x1aE\xdf\xa3', /Matroska/],
    ['\xff\xf1\x50\x80', /AAC/],
    ['riff\x2e\x91\xcf\x11', /Wave64/],
    ['NIST_1A\n   1024\n', /SPHERE/],
    ['\x0b\x77\x3d\xf8', /AC-3/],
  ] as const) {
    await assert.rejects(decodeAudio(ascii(start), 'x'), (error: DiffWaveError) => {
      return error.code === 'UNSUPPORTED_FORMAT' && name.test(error.message) && /ffmpeg/.test(error.hint ?? '')
    })
  }
})

test('decodes a damaged file or refuses it with an error code', async () => {
  const codes = new Set<string>()
  for (const [number, format] of formats.entries()) {
    for (let attempt = 0; attempt < 6; attempt++) {
      const draw = (index: number, bound: number) => uniformInteger(number, attempt, index, bound)
      const whole = bytesOf(`tones.${format}`)
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

test('recognises the format from the first bytes, whatever the file name', async () => {
  const wav = encodeWav({ samples: Float32Array.of(0.5, -0.5), sampleRate: 8000 })
  assert.equal((await decodeAudio(wav, 'song.mp3')).samples.length, 2)
  await assert.rejects(
    decodeAudio(new TextEncoder().encode('no recording'), 'song.wav'),
    error => error instanceof DiffWaveError && error.code === 'UNSUPPORTED_FORMAT',
  )
  await assert.rejects(
    decodeAudio(new Uint8Array(0), 'empty.wav'),
    error => error instanceof DiffWaveError && error.code === 'UNSUPPORTED_FORMAT' && /is empty/.test(error.message),
  )
})
