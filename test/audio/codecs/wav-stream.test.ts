import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeWav } from '#src/audio/codecs/wav'
import { type WavFormat, wavFormats } from '#src/audio/codecs/wav-bytes'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { writeWavStream } from '#src/audio/codecs/wav-file'
import { type AudioPieces, wavBytes } from '#src/audio/codecs/wav-stream'
import { gaussian } from '#src/core/random'
import { scratchFolder } from '../../support/scratch.js'

const folder = scratchFolder('wav')
const path = join(folder, 'a.wav')
const samples = gaussian(1, 0, 0, 1001).map(x => x / 4)

function pieces(length?: number | null, sizes = [1, 400, 0, 7]): AudioPieces {
  async function* cut() {
    for (let at = 0, i = 0; at < samples.length; i++) {
      const next = at + sizes[i % sizes.length]!
      yield samples.subarray(at, next)
      at = next
    }
  }
  return Object.assign(cut(), { sampleRate: 8000, ...(length === undefined ? {} : { length }) })
}

async function bytesOf(audio: AudioPieces, format: WavFormat): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of wavBytes(audio, { format })) parts.push(part)
  return Buffer.concat(parts)
}

for (const format of wavFormats) {
  test(`${format}: a stream of known length, and any file, has the bytes of encodeWav`, async () => {
    const whole = Buffer.from(encodeWav({ samples, sampleRate: 8000 }, { format }))
    assert.deepEqual(await bytesOf(pieces(1001), format), whole)
    assert.equal(await writeWavStream(path, pieces(1001), { format }), 1001)
    assert.deepEqual(readFileSync(path), whole)
    await writeWavStream(path, pieces(), { format })
    assert.deepEqual(readFileSync(path), whole)
  })

  test(`${format}: a pipe of unknown length declares 0xFFFFFFFF bytes and reads back whole`, async () => {
    const bytes = Buffer.from(await bytesOf(pieces(null), format))
    assert.deepEqual([bytes.readUInt32LE(4), bytes.readUInt32LE(40)], [0xffffffff, 0xffffffff])
    assert.deepEqual(
      decodeWav(bytes, '').samples,
      decodeWav(encodeWav({ samples, sampleRate: 8000 }, { format }), '').samples,
    )
  })
}

test('the header is yielded before any samples are requested', async () => {
  let asked = false
  async function* never() {
    asked = true
    yield samples
  }
  const stream = wavBytes(Object.assign(never(), { sampleRate: 8000 }))
  assert.equal((await stream.next()).value!.length, 44)
  assert.equal(asked, false)
})

test('a failing write leaves the existing file as it was, and no other', async () => {
  writeFileSync(path, 'before')
  async function* failing() {
    yield samples
    throw new Error('stopped')
  }
  await assert.rejects(writeWavStream(path, Object.assign(failing(), { sampleRate: 8000 })), /stopped/)
  await assert.rejects(writeWavStream(path, pieces(1000)), { code: 'BAD_AUDIO' })
  await assert.rejects(writeWavStream(path, pieces(1002)), { code: 'BAD_AUDIO' })
  const broken = (async function* () {
    yield samples
    yield Float32Array.of(0, Number.NaN)
  })()
  await assert.rejects(writeWavStream(path, Object.assign(broken, { sampleRate: 8000 })), {
    code: 'NOT_FINITE',
    message: /sample 1002/,
  })
  await assert.rejects(writeWavStream(path, Object.assign(pieces(3), { sampleRate: 8000, length: 2 ** 31 })), {
    code: 'TOO_LARGE',
  })
  assert.equal(readFileSync(path, 'utf8'), 'before')
  assert.deepEqual(readdirSync(folder), ['a.wav'])
  await assert.rejects(writeWavStream(folder, pieces()), { code: 'NOT_A_FILE' })
  await assert.rejects(writeWavStream(join(folder, 'no', 'a.wav'), pieces()), { code: 'NOT_WRITABLE' })
})

test('a replaced file keeps its mode, and a link to it is written through', async () => {
  writeFileSync(path, 'before')
  chmodSync(path, 0o640)
  const link = join(folder, 'link.wav')
  symlinkSync(path, link)
  await writeWavStream(link, pieces())
  assert.equal(statSync(path).mode & 0o777, 0o640)
  assert.equal(decodeWav(readFileSync(path), '').samples.length, 1001)
  rmSync(link)
})
