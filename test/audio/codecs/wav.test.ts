import assert from 'node:assert/strict'
import { test } from 'node:test'
import wavefile from 'wavefile'
import { decodeWav, decodeWavHeader, encodeWav, wavFormats } from '#src/audio/codecs/wav'
import { gaussian } from '#src/core/random'

const samples = Float32Array.from({ length: 999 }, (_, i) => 0.7 * Math.sin(i / 7))

function largestDifference(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length)
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0)
}

test('what is written is read, to within half a step of its format', () => {
  for (const format of wavFormats) {
    const { samples: read, sampleRate } = decodeWav(encodeWav({ samples, sampleRate: 22050 }, { format }), 'a.wav')
    assert.equal(sampleRate, 22050)
    const step = { '16': 2 ** -15, '24': 2 ** -23, '32f': 0 }[format]
    assert.ok(largestDifference(read, samples) <= 0.5001 * step, format)
  }
})

test('loud samples are clipped, not wrapped', () => {
  const { samples: read } = decodeWav(encodeWav({ samples: Float32Array.of(2, -2), sampleRate: 8000 }), 'a.wav')
  assert.ok(read[0]! > 0.999 && read[1]! < -0.999)
})

// Files of the wavefile package: another writer than ours.
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
    test(`${depth} bits in ${container}, two channels mixed down`, () => {
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

test('RF64 is read by the size in its ds64 chunk', () => {
  const wav = new wavefile.WaveFile()
  wav.fromScratch(1, 8000, '16', [1, 2, 3], { container: 'RF64' })
  assert.equal(decodeWavHeader(wav.toBuffer(), 'a.wav').container, 'RF64')
  assert.equal(decodeWav(wav.toBuffer(), 'a.wav').samples.length, 3)
})

test('a minute of audio is read in well under a second', () => {
  const bytes = encodeWav({ samples: gaussian(1, 0, 0, 60 * 22050), sampleRate: 22050 }, { format: '32f' })
  const start = performance.now()
  decodeWav(bytes, 'a.wav')
  assert.ok(performance.now() - start < 700)
})

const whole = encodeWav({ samples, sampleRate: 8000 })
function changed(at: number, ...values: number[]): Uint8Array {
  const bytes = whole.slice()
  bytes.set(values, at)
  return bytes
}
const nan = encodeWav({ samples, sampleRate: 8000 }, { format: '32f' })
new DataView(nan.buffer).setFloat32(44 + 4 * 17, Number.NaN, true)

for (const [name, bytes, code] of [
  ['an empty file', new Uint8Array(0), 'TRUNCATED'],
  ['text', Uint8Array.from('hello world'.split(''), c => c.charCodeAt(0)), 'UNSUPPORTED_FORMAT'],
  ['a file cut inside its header', whole.slice(0, 30), 'TRUNCATED'],
  ['a file cut inside its samples', whole.slice(0, 500), 'TRUNCATED'],
  ['no samples', encodeWav({ samples: new Float32Array(0), sampleRate: 8000 }), 'BAD_WAV'],
  ['zero channels', changed(22, 0, 0), 'BAD_WAV'],
  ['a rate of zero', changed(24, 0, 0, 0, 0), 'BAD_WAV'],
  ['an absurd rate', changed(24, 255, 255, 255, 255), 'BAD_WAV'],
  ['an absurd size', changed(40, 255, 255, 255, 127), 'TRUNCATED'],
  ['a block size that does not fit', changed(32, 7, 0), 'BAD_WAV'],
  ['twelve bits', changed(34, 12, 0), 'UNSUPPORTED_FORMAT'],
  ['an encoding that is not read', changed(20, 2, 0), 'UNSUPPORTED_FORMAT'],
  ['a sample that is no number', nan, 'NOT_FINITE'],
] as const) {
  test(`refused: ${name}`, () => {
    assert.throws(() => decodeWav(bytes, 'a.wav'), { name: 'DiffWaveError', code })
  })
}
