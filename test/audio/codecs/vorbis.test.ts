/** Ogg Vorbis: agreement with FFmpeg, and headers that ask for too much memory. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { crc32 } from '#src/audio/codecs/crc'
import { decodeAudio } from '#src/audio/codecs/decode'
import { decodeNpy } from '#src/formats/npy'
import { ascii } from '../../support/bytes.js'
import { code } from '../../support/errors.js'
import { inCase } from '../../support/in-case.js'
import { golden } from '../../support/paths.js'

const bytesOf = (name: string) => new Uint8Array(readFileSync(golden(`audio/${name}`)))

/** The pages of an Ogg file. */
function* pagesOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (let start = 0; start < bytes.length; ) {
    const segments = bytes[start + 26]!
    const sizes = bytes.subarray(start + 27, start + 27 + segments)
    const end = sizes.reduce((sum, size) => sum + size, start + 27 + segments)
    yield { start, end, granule: view.getBigInt64(start + 6, true) }
    start = end
  }
}

/** Puts right the checksums of all pages. */
function sealed(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (const { start, end } of pagesOf(bytes)) {
    view.setUint32(start + 22, 0, true)
    view.setUint32(start + 22, crc32(bytes, start, end), true)
  }
  return bytes
}

const indexOf = (bytes: Uint8Array, text: string) => Buffer.from(bytes).indexOf(text)

/** `tones.ogg` with other bytes behind the first place where a text stands. */
function changed(text: string, offset: number, values: readonly number[]): Uint8Array {
  const bytes = bytesOf('tones.ogg')
  bytes.set(values, indexOf(bytes, text) + offset)
  return sealed(bytes)
}

test('decodes 5.1 channels in long and short blocks to the samples of FFmpeg', async () => {
  const { samples, sampleRate, channels, notes } = await decodeAudio(bytesOf('surround.ogg'), 'surround.ogg')
  const expected = decodeNpy(bytesOf('surround.npy'), 'surround.npy').data
  assert.deepEqual({ sampleRate, channels, notes }, { sampleRate: 44_100, channels: 6, notes: [] })
  assert.equal(samples.length, expected.length)
  assert.ok(samples.every((sample, i) => Math.abs(sample - expected[i]!) < 1e-6))
})

describe('a Vorbis header', () => {
  test('may declare comments of any length, and takes no memory for them', async () => {
    const { samples } = await decodeAudio(bytesOf('tones.ogg'), 'tones.ogg')
    // The vendor's length; the number of comments lies behind its name.
    for (const bytes of [
      changed('\x03vorbis', 7, [255, 255, 255, 127]),
      changed('\x03vorbis', 7, [255, 255, 255, 255]),
    ])
      assert.deepEqual((await decodeAudio(bytes, 'tags.ogg')).samples, samples)
  })

  const ordered = 0x01
  const cases: readonly [string, Uint8Array, RegExp][] = [
    // BCV, 16 bits of dimensions, 24 of entries, then the lengths of their codes.
    ['16 million entries in one codebook', changed('BCV', 3, [1, 0, 255, 255, 255, ordered]), /too large|cut short/],
    ['a codebook without dimensions', changed('BCV', 3, [0, 0]), /empty/],
    ['another codec’s codebook', changed('BCV', 0, [0]), /codebook is damaged/],
    ['a long block of 32,768 samples', changed('\x01vorbis', 28, [0xf9]), /header is malformed/],
    ['a long block shorter than the short one', changed('\x01vorbis', 28, [0x9a]), /header is malformed/],
    ['nine channels', changed('\x01vorbis', 11, [9]), /header is malformed/],
    ['another packet in place of the setup', changed('\x05vorbis', 0, [7]), /setup header is missing/],
  ]
  test('is refused before memory is allocated if it is damaged or hostile', async () => {
    for (const [title, bytes, message] of cases) {
      await inCase(title, async () => {
        await assert.rejects(decodeAudio(bytes, 'bomb.ogg'), code('BAD_AUDIO', message))
      })
    }
  })
})

/** The bytes of fields, each a number and its bits, the least significant first. */
function packed(...fields: readonly (readonly [value: number, bits: number])[]): Uint8Array {
  const bits = fields.flatMap(([value, count]) =>
    Array.from({ length: count }, (_, i) => Math.floor(value / 2 ** i) % 2),
  )
  const bytes = new Uint8Array(Math.ceil(bits.length / 8))
  for (const [i, bit] of bits.entries()) bytes[i >> 3]! |= bit << (i & 7)
  return bytes
}

/** A file of one or more equal streams without audio. A codebook of 20 bytes declares all its codes at once. */
function chainOf(links: number, { entries = 2, couplings = 0 }): Uint8Array {
  const length = Math.log2(entries)
  const zeros = (bits: number) => [0, bits] as const
  const setup = packed(
    ...([zeros(8), [0x564342, 24], [1, 16], [entries, 24], [1, 1], [length - 1, 5], [entries, length + 1]] as const),
    // No vectors, a transform, a floor without partitions, and an empty residue.
    ...([zeros(4), zeros(6), zeros(16), zeros(6), [1, 16], zeros(7), [4, 4]] as const),
    ...([zeros(6), [1, 16], zeros(72), zeros(6), zeros(8), zeros(4)] as const),
    // A mapping, a mode, and the final bit.
    ...([zeros(6), zeros(16), zeros(1), [couplings > 0 ? 1 : 0, 1]] as const),
    ...(couplings === 0 ? [] : [[couplings - 1, 8] as const]),
    ...Array<readonly [number, number]>(couplings).fill([2, 2]),
    ...([zeros(2), zeros(24), zeros(6), zeros(1), zeros(40), [1, 1]] as const),
  )
  const head = new Uint8Array(30)
  head.set([...ascii('\x01vorbis'), 0, 0, 0, 0, 2, 0x40, 0x1f])
  head.set([0x66, 1], 28)
  const packets = [ascii('\x03vorbis'), Uint8Array.from([...ascii('\x05vorbis'), ...setup]), Uint8Array.of(0, 0)]
  const page = (flags: number, ...bodies: readonly Uint8Array[]) => {
    const start = [...ascii('OggS'), 0, flags, ...new Uint8Array(20), bodies.length, ...bodies.map(body => body.length)]
    return sealed(Uint8Array.from([...start, ...bodies.flatMap(body => [...body])]))
  }
  const link = [...page(2, head), ...page(4, ...packets)]
  return Uint8Array.from(Array<number[]>(links).fill(link).flat())
}

test('the codebooks of all streams of a chain are bounded together', async () => {
  const chain = (links: number) => decodeAudio(chainOf(links, { entries: 2 ** 16 }), 'chain.ogg')
  await assert.rejects(chain(2), code('TRUNCATED', /first samples/))
  await assert.rejects(chain(4), code('BAD_AUDIO', /codebooks are too large/))
})

test('two channels may be coupled once, not hundreds of times', async () => {
  const coupled = (couplings: number) => decodeAudio(chainOf(1, { couplings }), 'coupled.ogg')
  await assert.rejects(coupled(1), code('TRUNCATED', /first samples/))
  await assert.rejects(coupled(256), code('BAD_AUDIO', /malformed/))
})

describe('an Ogg file of many packets', () => {
  /** A file whose headers are followed by pages of 255 empty packets. */
  const bomb = (name: string, megabytes: number) => {
    const file = bytesOf(name)
    const headers = [...pagesOf(file)].filter(({ granule }) => granule === 0n)
    const page = new Uint8Array(27 + 255)
    page.set(file.subarray(headers[0]!.start, headers[0]!.start + 26))
    page.fill(255, 6, 14)
    page[5] = 0
    page[26] = 255
    const filler = sealed(page)
    const end = headers.at(-1)!.end
    const count = Math.floor((megabytes * 2 ** 20) / filler.length)
    const bytes = new Uint8Array(end + count * filler.length)
    bytes.set(file.subarray(0, end))
    for (let i = 0; i < count; i++) bytes.set(filler, end + i * filler.length)
    return bytes
  }

  for (const [name, error] of [
    ['tones.ogg', 'TRUNCATED'],
    ['flac.oga', 'TRUNCATED'],
    ['tones.opus', 'BAD_AUDIO'],
  ] as const) {
    test(`takes little memory: ${name}`, { timeout: 120_000 }, async () => {
      const thread = new Worker(
        `const { parentPort, workerData } = require('node:worker_threads')
        const decode = async () => (await import(workerData.module)).decodeAudio(workerData.bytes, 'bomb.ogg')
        decode().then(() => parentPort.postMessage('made audio'), error => parentPort.postMessage(error.code))`,
        {
          eval: true,
          workerData: { module: import.meta.resolve('#src/audio/codecs/decode'), bytes: bomb(name, 0.25) },
          // Less than a hundred bytes for each of 230,000 packets.
          resourceLimits: { maxOldGenerationSizeMb: 20 },
        },
      )
      assert.deepEqual(await once(thread, 'message'), [error])
    })
  }
})
