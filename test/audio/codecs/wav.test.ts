import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import wavefile from 'wavefile'
import type { Audio } from '#src/audio/audio'
import { readWav } from '#src/audio/codecs/read-wav'
import { decodeWav } from '#src/audio/codecs/wav'
import { wavFormats } from '#src/audio/codecs/wav-bytes'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { writeWav } from '#src/audio/codecs/wav-file'
import { decodeWavHeader } from '#src/audio/codecs/wav-header'
import { ascii } from '../../support/bytes.js'
import { inCase } from '../../support/in-case.js'

const samples = Float32Array.from({ length: 999 }, (_, i) => 0.7 * Math.sin(i / 7))

function largestDifference(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length)
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0)
}

test('reads the samples that were written, to within half a step of the format', () => {
  for (const format of wavFormats) {
    const { samples: read, sampleRate } = decodeWav(encodeWav({ samples, sampleRate: 22050 }, { format }), 'a.wav')
    assert.equal(sampleRate, 22050)
    const step = { '16': 2 ** -15, '24': 2 ** -23, '32f': 0 }[format]
    assert.ok(largestDifference(read, samples) <= 0.5001 * step, format)
  }
})

test('clips loud samples instead of wrapping them', () => {
  const { samples: read } = decodeWav(encodeWav({ samples: Float32Array.of(2, -2), sampleRate: 8000 }), 'a.wav')
  assert.ok(read[0]! > 0.999 && read[1]! < -0.999)
})

// Files of the wavefile package: another writer than ours.
test('reads every depth in RIFF and RIFX, and averages the two channels', () => {
  for (const [depth, tolerance] of [
    ['8', 1 / 100],
    ['16', 1e-4],
    ['24', 1e-6],
    ['32', 1e-6],
    ['32f', 1e-6],
    ['64', 1e-6],
    ['8a', 0.02],
    ['8m', 0.02],
  ] as const) {
    for (const container of ['RIFF', 'RIFX'] as const) {
      inCase(`${depth} bits in ${container}`, () => {
        const companded = depth === '8a' || depth === '8m'
        const bits = companded ? 16 : Number.parseInt(depth, 10)
        const float = depth === '32f' || depth === '64'
        const scale = float ? 1 : 2 ** (bits - 1) - 1
        const channel = (gain: number) =>
          Float64Array.from(samples, x => (float ? x * gain : Math.round(x * gain * scale) + (bits === 8 ? 128 : 0)))
        const wav = new wavefile.WaveFile()
        wav.fromScratch(2, 16000, companded ? '16' : depth, [channel(1), channel(0.5)] as unknown as number[][], {
          container,
        })
        if (depth === '8a') wav.toALaw()
        if (depth === '8m') wav.toMuLaw()
        const audio = decodeWav(wav.toBuffer(), 'a.wav')
        assert.equal(audio.sampleRate, 16000)
        assert.ok(
          largestDifference(
            audio.samples,
            samples.map(x => 0.75 * x),
          ) < tolerance,
        )
      })
    }
  }
})

test('reads RF64 by the size in its ds64 chunk', () => {
  const file = new wavefile.WaveFile()
  file.fromScratch(1, 8000, '16', [1, 2, 3], { container: 'RF64' })
  const bytes = file.toBuffer()
  assert.equal(decodeWavHeader(bytes, 'a.wav').container, 'RF64')
  const plain = wav(16, 2, [1, 0, 2, 0, 3, 0], 0xffffffff)
  const sizes = [28, 0, 0, 0, ...new Uint8Array(8), 6, ...new Uint8Array(19)]
  const head = [...ascii('RF64'), ...plain.subarray(4, 12), ...ascii('ds64'), ...sizes, ...plain.subarray(12)]
  const followed = Uint8Array.from([...head, ...ascii('LIST'), 4, 0, 0, 0, ...ascii('INFO')])
  for (const whole of [bytes, followed]) {
    const { samples, notes } = decodeWav(whole, 'a.wav')
    assert.deepEqual([[...samples], notes], [[1, 2, 3].map(x => x / 32_768), []])
  }
})

test('reads the encoding in an extensible format', () => {
  const plain = wav(32, 4, [...new Uint8Array(Float32Array.of(0.5).buffer)], 4, 0xfffe)
  const extended = Uint8Array.from([...plain.subarray(0, 36), 22, 0, 32, 0, 4, 0, 0, 0, 3, 0, ...plain.subarray(36)])
  extended[16] = 26
  assert.deepEqual([...decodeWav(extended, 'a.wav').samples], [0.5])
  assert.throws(() => decodeWav(plain, 'a.wav'), { code: 'UNSUPPORTED_FORMAT', got: 'format 65534' })
})

/** A mono file of one chunk of format and one of samples, whatever they say. */
function wav(bits: number, blockBytes: number, data: readonly number[], declared = data.length, code = 1): Uint8Array {
  const bytes = new Uint8Array(44 + data.length)
  bytes.set(encodeWav({ samples: new Float32Array(1), sampleRate: 8000 }).subarray(0, 44))
  const view = new DataView(bytes.buffer)
  view.setUint16(20, code, true)
  view.setUint16(32, blockBytes, true)
  view.setUint16(34, bits, true)
  view.setUint32(40, declared, true)
  bytes.set(data, 44)
  return bytes
}

test('notes float samples on the scale of integers', () => {
  const notesOf = (peak: number) => {
    const samples = Float32Array.of(0, -peak, peak / 2)
    return decodeWav(encodeWav({ samples, sampleRate: 8000 }, { format: '32f' }), 'a.wav').notes
  }
  assert.deepEqual([0.5, 1.5, 8].flatMap(notesOf), [])
  const likely = 'they are probably 16-bit integers stored as float, to be divided by 32768'
  assert.deepEqual(notesOf(20_000), [`Samples reach 20000, and full scale is 1: ${likely}.`])
  assert.match(notesOf(3_000_000)[0]!, /24-bit integers stored as float, to be divided by 8388608/)
})

describe('a declared length that is wrong', () => {
  const data = [0, 0x40, 0, 0xc0, 0, 0x20, 0, 0x10, 0, 0]
  const expected = [0.5, -0.5, 0.25, 0.125, 0]
  test('reads the samples to the end of the file, with a note', () => {
    for (const declared of [0, 0x7ffff000, 0x7fffffdb, 0x80000000, 0xffffffff, 0xfffffffe, 1000]) {
      inCase(`${declared} bytes`, () => {
        const { samples, notes } = decodeWav(wav(16, 2, data, declared), 'a.wav')
        assert.deepEqual([...samples], expected)
        assert.equal(notes.length, 1)
        assert.match(notes[0]!, new RegExp(`declares ${declared} bytes`))
      })
    }
  })

  test('the right length gives no note, and half a sample at the end is left out', () => {
    assert.deepEqual(decodeWav(wav(16, 2, data), 'a.wav').notes, [])
    assert.equal(decodeWav(wav(16, 2, [...data, 1], 99), 'a.wav').samples.length, 5)
  })

  test('text after an empty recording is not read as samples', () => {
    const list = [...'LIST'].map(c => c.charCodeAt(0))
    assert.throws(() => decodeWav(wav(16, 2, [...list, 4, 0, 0, 0, 73, 78, 70, 79], 0), 'a.wav'), { code: 'BAD_WAV' })
  })

  test('RF64 and BW64 with too large a size in ds64 are read to their end', () => {
    for (const container of ['RF64', 'BW64']) {
      const bytes = wav(16, 2, data, 0xffffffff)
      bytes.set([...container].map(c => c.charCodeAt(0)))
      assert.deepEqual([...decodeWav(bytes, 'a.wav').samples], expected)
    }
  })
})

describe('reads samples that do not fill their bytes', () => {
  test('of any number of bits in any number of bytes', () => {
    for (const [name, bytes, expected] of [
      ['12 bits in the upper part of two bytes', wav(12, 2, [0x00, 0x40, 0xf0, 0xbf]), [0.5, -0.5 - 16 / 32768]],
      ['20 bits in the upper part of three bytes', wav(20, 3, [0, 0, 0x40, 0, 0, 0xc0]), [0.5, -0.5]],
      ['24 bits in the lower part of four bytes', wav(24, 4, [0, 0, 0x40, 0, 0, 0, 0xc0, 0xff]), [0.5, -0.5]],
      ['24 bits in the upper part of four bytes', wav(24, 4, [0, 0, 0, 0x40, 0, 0, 0, 0xc0]), [0.5, -0.5]],
      ['24 bits in four bytes, too loud for the lower part', wav(24, 4, [0, 0, 0x80, 0]), [1 / 256]],
      ['24 bits in the lower part, at both ends', wav(24, 4, [0, 0, 0x80, 255, 0, 0, 0x7f, 0]), [-1, 127 / 128]],
      ['a block size of zero', wav(16, 0, [0, 0x40]), [0.5]],
    ] as const) {
      inCase(name, () => {
        assert.deepEqual([...decodeWav(bytes, 'a.wav').samples], expected)
      })
    }
  })
})

test('skips a chunk of odd size, with its padding byte and without', () => {
  const plain = wav(16, 2, [0, 0x40])
  for (const padding of ['', '\0']) {
    const list = [...`LIST\x05\0\0\0INFOx${padding}`].map(c => c.charCodeAt(0))
    const bytes = Uint8Array.from([...plain.subarray(0, 36), ...list, ...plain.subarray(36)])
    assert.deepEqual([...decodeWav(bytes, 'a.wav').samples], [0.5])
  }
})

test('refuses a double that overflows float32', () => {
  const double = new Uint8Array(Float64Array.of(1e300).buffer)
  assert.throws(() => decodeWav(wav(64, 8, [...double], 8, 3), 'a.wav'), { code: 'NOT_FINITE', got: '1e+300' })
})

test('refuses a recording that is longer than allowed', () => {
  const bytes = encodeWav({ samples, sampleRate: 8000 })
  assert.equal(decodeWav(bytes, 'a.wav', { maxSeconds: 999 / 8000 }).samples.length, 999)
  assert.throws(() => decodeWav(bytes, 'a.wav', { maxSeconds: 998 / 8000 }), { code: 'TOO_LARGE', got: '0.1 s' })
})

test('reads a sample rate of 384 kHz', () => {
  assert.equal(decodeWav(encodeWav({ samples, sampleRate: 384_000 }), 'a.wav').sampleRate, 384_000)
})

describe('readWav and writeWav', () => {
  const audio = { samples, sampleRate: 8000 }
  const file = join(mkdtempSync(join(tmpdir(), 'diffwave-wav-')), 'a b.wav')
  after(() => rmSync(dirname(file), { recursive: true }))

  test('take file: URLs as paths', async () => {
    await writeWav(pathToFileURL(file), audio)
    assert.equal((await readWav(pathToFileURL(file))).samples.length, samples.length)
    assert.equal((await readWav(pathToFileURL(file).href)).samples.length, samples.length)
  })

  test('writeWav refuses what is not audio, and paths that are none', async () => {
    for (const [name, path, value, code] of [
      ['samples without a rate', file, samples, 'BAD_AUDIO'],
      ['a plain array', file, { samples: [0, 0.1], sampleRate: 8000 }, 'BAD_AUDIO'],
      ['doubles', file, { samples: new Float64Array(3), sampleRate: 8000 }, 'BAD_AUDIO'],
      ['no rate', file, { samples }, 'BAD_AUDIO'],
      ['half a hertz', file, { samples, sampleRate: 22_050.5 }, 'BAD_AUDIO'],
      ['a rate of zero', file, { samples, sampleRate: 0 }, 'BAD_AUDIO'],
      ['no samples', file, { samples: new Float32Array(0), sampleRate: 8000 }, 'BAD_AUDIO'],
      ['NaN', file, { samples: Float32Array.of(Number.NaN), sampleRate: 8000 }, 'NOT_FINITE'],
      ['a path that is a number', 3, audio, 'BAD_OPTION'],
      ['a URL of the web', new URL('http://a/b.wav'), audio, 'BAD_OPTION'],
    ] as const) {
      await inCase(name, async () => {
        await assert.rejects(writeWav(path as string, value as Audio), { name: 'DiffWaveError', code })
      })
    }
  })

  test('writeWav refuses an unknown format or option', async () => {
    await assert.rejects(writeWav(file, audio, { format: '8' as '16' }), { code: 'BAD_OPTION' })
    await assert.rejects(writeWav(file, audio, { bits: 16 } as object), { code: 'BAD_OPTION' })
  })
})

test('reads a minute of audio in well under a second', () => {
  const float = encodeWav({ samples: new Float32Array(60 * 22050), sampleRate: 22050 }, { format: '32f' })
  // A-law: code 6, blocks of one byte, 8 bits.
  const companded = encodeWav({ samples: new Float32Array(60 * 24_000), sampleRate: 48_000 })
  companded[20] = 6
  companded[32] = 1
  companded[34] = 8
  for (const bytes of [float, companded]) {
    const start = performance.now()
    decodeWav(bytes, 'a.wav')
    assert.ok(performance.now() - start < 700)
  }
})

const whole = encodeWav({ samples, sampleRate: 8000 })
function changed(at: number, ...values: number[]): Uint8Array {
  const bytes = whole.slice()
  bytes.set(values, at)
  return bytes
}
const nan = encodeWav({ samples, sampleRate: 8000 }, { format: '32f' })
new DataView(nan.buffer).setFloat32(44 + 4 * 17, Number.NaN, true)

test('refuses damaged and hostile files with a code', () => {
  for (const [name, bytes, code] of [
    ['an empty file', new Uint8Array(0), 'TRUNCATED'],
    ['text', Uint8Array.from('hello world'.split(''), c => c.charCodeAt(0)), 'UNSUPPORTED_FORMAT'],
    ['another kind of RIFF file', changed(8, 0x41, 0x56, 0x49, 0x20), 'UNSUPPORTED_FORMAT'],
    ['a file cut inside its header', whole.slice(0, 30), 'TRUNCATED'],
    ['a file cut after its format', whole.slice(0, 36), 'TRUNCATED'],
    ['no samples', encodeWav({ samples: new Float32Array(0), sampleRate: 8000 }), 'BAD_WAV'],
    ['zero channels', changed(22, 0, 0), 'BAD_WAV'],
    ['a rate of zero', changed(24, 0, 0, 0, 0), 'BAD_WAV'],
    ['an absurd rate', changed(24, 255, 255, 255, 255), 'BAD_WAV'],
    ['no whole sample', whole.slice(0, 45), 'BAD_WAV'],
    ['a block size that does not fit', changed(32, 7, 0), 'BAD_WAV'],
    ['seven bits', changed(34, 7, 0), 'UNSUPPORTED_FORMAT'],
    ['a rate of 8 MHz', changed(24, 0, 0x12, 0x7a, 0), 'BAD_WAV'],
    ['an unsupported encoding', changed(20, 2, 0), 'UNSUPPORTED_FORMAT'],
    ['a sample that is not a number', nan, 'NOT_FINITE'],
  ] as const) {
    inCase(name, () => {
      assert.throws(() => decodeWav(bytes, 'a.wav'), { name: 'DiffWaveError', code })
    })
  }
})
