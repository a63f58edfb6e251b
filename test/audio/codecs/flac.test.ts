/** FLAC frames written bit by bit: what encoders rarely write, and damage at known places. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc8, crc16 } from '#src/audio/codecs/crc'
import { decodeAudio } from '#src/audio/codecs/decode'
import { ascii } from '../../support/bytes.js'

/** Values with their numbers of bits. */
type Fields = readonly (readonly [value: number, bits: number])[]

function packed(fields: Fields): Uint8Array {
  const text = fields
    .map(([value, bits]) => BigInt.asUintN(bits, BigInt(value)).toString(2).padStart(bits, '0'))
    .join('')
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8, '0')
  return Uint8Array.from(padded.match(/.{8}/g) ?? [], byte => Number.parseInt(byte, 2))
}

const BLOCK = 16
const MID_SIDE = 10
const verbatim = (numbers: readonly number[], bits: number): Fields => [
  [1 << 1, 8],
  ...numbers.map(number => [number, bits] as const),
]

/** A file of 16 bits with one frame of `BLOCK` samples. */
function file(assignment: number, subframes: Fields, { total = BLOCK, bits = 16, maxBlock = BLOCK } = {}): Uint8Array {
  const channels = assignment < 8 ? assignment + 1 : 2
  const info = packed([
    ...([
      [BLOCK, 16],
      [maxBlock, 16],
      [0, 24],
      [0, 24],
      [8000, 20],
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
    [6, 4],
    [0, 4],
    [assignment, 4],
    [0, 4],
    [0, 8],
    [BLOCK - 1, 8],
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
  test('of middle and side is exact, also for odd differences', async () => {
    const { samples, notes } = await decodeAudio(stereo, 'a.flac')
    assert.deepEqual(
      samples,
      Float32Array.from(left, (x, i) => (x + right[i]!) / 2 / 32768),
    )
    assert.deepEqual(notes, [])
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
    ['numbers beyond 16 bits', file(0, [[9 << 1, 8], [32_767, 16], ...residual(1)]), /out of range/],
  ] as const) {
    test(`refuses ${title}`, () => assert.rejects(decodeAudio(bytes, 'a.flac'), { code: 'BAD_AUDIO', message }))
  }
})
