/** FLAC frames written bit by bit: what encoders rarely write, and damage at known places. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc8, crc16 } from '#src/audio/codecs/crc'
import { decodeAudio } from '#src/audio/codecs/decode'
import { ascii } from '../../support/bytes.js'
import { inCase } from '../../support/in-case.js'

/** Values with their numbers of bits. */
type Fields = readonly (readonly [value: number, bits: number])[]

function packed(fields: Fields): Uint8Array {
  const text = fields
    .map(([value, bits]) => BigInt.asUintN(bits, BigInt(value)).toString(2).padStart(bits, '0'))
    .join('')
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '0')
  return Uint8Array.from(padded.match(/.{8}/g) ?? [], byte => Number.parseInt(byte, 2))
}

/** What a file states in its header and in the head of its frame. */
interface Written {
  readonly total?: number
  readonly bits?: number
  readonly maxBlock?: number
  readonly rate?: number
  /** Codes of the block’s length, of the rate and of the bits. */
  readonly codes?: readonly [block: number, rate: number, bits: number]
  /** The length and the rate themselves, for codes that say so. */
  readonly block?: Fields
}

const BLOCK = 16
const [LEFT_SIDE, SIDE_RIGHT, MID_SIDE] = [8, 9, 10] as const
const verbatim = (numbers: readonly number[], bits: number): Fields => [
  [1 << 1, 8],
  ...numbers.map(number => [number, bits] as const),
]

/** A file with one frame, of 16 bits and `BLOCK` samples by default. The frame states its properties as codes. */
function file(
  assignment: number,
  subframes: Fields,
  {
    total = BLOCK,
    bits = 16,
    maxBlock = BLOCK,
    rate = 8000,
    codes = [6, 0, 0],
    block = [[BLOCK - 1, 8]],
  }: Written = {},
): Uint8Array {
  const channels = assignment < 8 ? assignment + 1 : 2
  const info = packed([
    ...([
      [BLOCK, 16],
      [maxBlock, 16],
      [0, 24],
      [0, 24],
      [rate, 20],
    ] as const),
    ...([
      [channels - 1, 3],
      [bits - 1, 5],
      [total, 36],
      [0, 128],
    ] as const),
  ])
  const head = packed([
    [0x7ffc, 15],
    [0, 1],
    [codes[0], 4],
    [codes[1], 4],
    [assignment, 4],
    [codes[2], 3],
    [0, 1],
    [0, 8],
    ...block,
  ])
  const frame = Uint8Array.of(...head, crc8(head, 0, head.length), ...packed(subframes))
  const sum = crc16(frame, 0, frame.length)
  return Uint8Array.of(...ascii('fLaC'), 0x80, 0, 0, info.length, ...info, ...frame, sum >> 8, sum & 255)
}
/** Where the frame begins. */
const FRAME = 4 + 4 + 34

const left = Array.from({ length: BLOCK }, (_, i) => 1000 * i - 9000)
const right = left.map((x, i) => x + [5, -4, -7, 8][i % 4]!)
const middle = left.map((x, i) => (x + right[i]!) >> 1)
const side = left.map((x, i) => x - right[i]!)
const stereo = file(MID_SIDE, [...verbatim(middle, 16), ...verbatim(side, 17)])

describe('FLAC', () => {
  test('is exact for every kind of stereo, also for odd differences', async () => {
    for (const [title, bytes] of [
      ['middle and side', stereo],
      ['left and side', file(LEFT_SIDE, [...verbatim(left, 16), ...verbatim(side, 17)])],
      ['side and right', file(SIDE_RIGHT, [...verbatim(side, 17), ...verbatim(right, 16)])],
    ] as const) {
      await inCase(title, async () => {
        const { samples, notes } = await decodeAudio(bytes, 'a.flac')
        assert.deepEqual(
          samples,
          Float32Array.from(left, (x, i) => (x + right[i]!) / 2 / 32768),
        )
        assert.deepEqual(notes, [])
      })
    }
  })

  test('has the length, the rate and the bits of every code in the head of a frame', async () => {
    const constant = (bits: number): Fields => [
      [0, 8],
      [-3, bits],
    ]
    const read = async (length: number, written: Written) => {
      const bytes = file(0, constant(written.bits ?? 16), { total: length, maxBlock: length, ...written })
      const { samples, sampleRate } = await decodeAudio(bytes, 'a.flac')
      assert.deepEqual([samples.length, sampleRate], [length, written.rate ?? 8000])
      assert.ok(samples.every(sample => sample === -3 / 2 ** ((written.bits ?? 16) - 1)))
    }
    const lengths = [192, 576, 1152, 2304, 4608, 250, 300, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768]
    for (const [i, length] of lengths.entries()) {
      await read(length, { codes: [i + 1, 0, 0], block: i === 5 ? [[249, 8]] : i === 6 ? [[299, 16]] : [] })
    }
    const rates = [88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]
    for (const [i, rate] of rates.entries()) await read(192, { rate, codes: [1, i + 1, 0], block: [] })
    await read(192, { rate: 37_000, codes: [1, 12, 0], block: [[37, 8]] })
    await read(192, { rate: 37_001, codes: [1, 13, 0], block: [[37_001, 16]] })
    await read(192, { rate: 370_010, codes: [1, 14, 0], block: [[37_001, 16]] })
    for (const [i, bits] of [8, 12, null, 16, 20, 24, 32].entries()) {
      if (bits !== null) await read(192, { bits, codes: [1, 0, i + 1], block: [] })
    }
  })

  test('ends at the declared number of samples, inside a block', async () => {
    const { samples } = await decodeAudio(file(0, verbatim(left, 16), { total: 10 }), 'a.flac')
    assert.deepEqual(
      samples,
      Float32Array.from(left.slice(0, 10), x => x / 32768),
    )
  })

  const changed = (at: number) => stereo.map((byte, i) => (i === at ? byte ^ 1 : byte))
  /** 15 numbers of 8 bits, each written as it is. */
  const residual = (value: number, partitions = 0): Fields => [
    ...([
      [0, 2],
      [partitions, 4],
      [15, 4],
      [8, 5],
    ] as const),
    ...Array.from({ length: 15 }, () => [value, 8] as const),
  ]
  test('refuses damaged and hostile frames with a message', async () => {
    for (const [title, bytes, message] of [
      ['one bit of a sample', changed(stereo.length - 5), /a frame is damaged/],
      ['one bit of a frame’s number', changed(FRAME + 4), /header is damaged/],
      ['samples of three bits', file(0, verbatim(left, 3), { bits: 3 }), /STREAMINFO is malformed/],
      ['blocks that are too short', file(0, verbatim(left, 16), { maxBlock: 15 }), /STREAMINFO is malformed/],
      [
        'a predictor of an invalid precision',
        file(0, [
          [32 << 1, 8],
          [0, 16],
          [15, 4],
          [0, 5],
        ]),
        /predictor is malformed/,
      ],
      [
        'a predictor with a negative shift',
        file(0, [
          [32 << 1, 8],
          [0, 16],
          [0, 4],
          [-1, 5],
        ]),
        /predictor is malformed/,
      ],
      [
        'a predictor longer than its block',
        file(0, [
          [63 << 1, 8],
          [0, 600],
        ]),
        /longer than its block/,
      ],
      [
        'a residual with parts shorter than the predictor',
        file(0, [[12 << 1, 8], [0, 64], ...residual(0, 4)]),
        /residual is malformed/,
      ],
      ['a frame of other bits', file(0, verbatim(left, 8), { codes: [6, 0, 1] }), /differs from the file’s header/],
      ['a frame of another rate', file(0, verbatim(left, 16), { codes: [6, 5, 0] }), /differs from the file’s header/],
      ['a frame longer than the header says', file(0, [], { codes: [1, 0, 0], block: [] }), /longer than the header/],
      ['a residual of an unknown coding', file(0, [[8 << 1, 8], [2, 2], ...residual(0)]), /unknown coding/],
      ['numbers beyond 16 bits', file(0, [[9 << 1, 8], [32_767, 16], ...residual(1)]), /out of range/],
    ] as const) {
      await inCase(title, () => assert.rejects(decodeAudio(bytes, 'a.flac'), { code: 'BAD_AUDIO', message }))
    }
  })
})
