/** Pages and packets of Ogg files, written byte by byte. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32 } from '#src/audio/codecs/crc'
import { OggReader, oggPackets } from '#src/audio/codecs/ogg'
import { concatenateBytes } from '#src/core/concatenate'
import { ascii } from '../../support/bytes.js'

interface PageFields {
  readonly serial?: number
  readonly continued?: boolean
  readonly first?: boolean
  readonly last?: boolean
  readonly granule?: number
  /** Sizes of its segments. Segment n is filled with the number n, or with the character `fill`. */
  readonly lacing?: readonly number[]
  readonly fill?: string
}

function page({ serial = 1, continued, first, last, granule = 7, lacing = [2], fill }: PageFields = {}): Uint8Array {
  const head = new Uint8Array(27)
  const view = new DataView(head.buffer)
  head.set(ascii('OggS'))
  head[5] = (continued ? 1 : 0) + (first ? 2 : 0) + (last ? 4 : 0)
  view.setBigInt64(6, BigInt(granule), true)
  view.setUint32(14, serial, true)
  head[26] = lacing.length
  const body = lacing.map((size, n) => new Uint8Array(size).fill(fill?.charCodeAt(0) ?? n))
  const bytes = concatenateBytes([head, Uint8Array.from(lacing), ...body])
  new DataView(bytes.buffer).setUint32(22, crc32(bytes, 0, bytes.length), true)
  return bytes
}
const file = (...pages: readonly PageFields[]) => concatenateBytes(pages.map(page))
/** Links whose first packet consists of the character `a`. */
function read(bytes: Uint8Array) {
  const reader = new OggReader(bytes, 'a.ogg')
  const links = reader.links(head => head[0] === 'a'.charCodeAt(0))
  return { links, notes: reader.notes }
}

describe('packets of Ogg pages', () => {
  /** Sizes and positions of the packets behind the first one, and the numbers that they hold. */
  const packets = (...pages: readonly PageFields[]) => {
    const [link] = read(file({ first: true, fill: 'a' }, ...pages, { last: true, lacing: [] })).links
    return [...oggPackets(link!)].slice(1).map(({ data, granule }) => [data.length, granule, [...new Set(data)].join()])
  }

  test('may span pages, and the last one that ends on a page has its position', () => {
    assert.deepEqual(
      packets(
        { granule: 10, lacing: [3, 0, 255] },
        { granule: -1, lacing: [255], continued: true },
        { granule: 20, lacing: [255, 4, 255, 0, 9], continued: true },
      ),
      [
        [3, null, '0'],
        [0, 10, ''],
        [255 + 255 + 255 + 4, null, '2,0,1'],
        [255, null, '2'],
        [9, 20, '4'],
      ],
    )
    assert.deepEqual(packets({ granule: 0, lacing: [1] }), [[1, 0, '0']])
    assert.deepEqual(packets({ granule: -1, lacing: [1] }), [[1, null, '0']])
  })

  test('without their beginning or their end are left out', () => {
    assert.deepEqual(packets({ granule: 5, lacing: [255, 8, 2], continued: true }), [[2, 5, '2']])
    assert.deepEqual(packets({ lacing: [1, 255] }, { granule: 9, lacing: [6] }), [
      [1, 7, '0'],
      [6, 9, '0'],
    ])
  })
})

describe('streams of an Ogg file', () => {
  const ends: PageFields = { last: true }

  test('follow one another, and those beside them are left out', () => {
    const { links, notes } = read(
      file(
        { serial: 9, first: true, fill: 'v' },
        { serial: 1, first: true, fill: 'a' },
        // Of the same kind, beside the first one.
        { serial: 2, first: true, fill: 'a' },
        { serial: 2 },
        { serial: 1 },
        { serial: 9, last: true },
        { serial: 1, last: true },
        { serial: 3, first: true, fill: 'a' },
        { serial: 3 },
        // Without an end before it.
        { serial: 4, first: true, last: true, fill: 'a' },
      ),
    )
    assert.deepEqual(
      links.map(({ pages }) => pages.length),
      [3, 2, 1],
    )
    assert.deepEqual(notes, [])
  })

  test('are refused if hundreds of them have a few bytes each', () => {
    const link: PageFields = { first: true, last: true, fill: 'a' }
    assert.equal(read(file(...Array<PageFields>(60).fill(link))).links.length, 60)
    assert.throws(() => read(file(...Array<PageFields>(100).fill(link))), { code: 'TOO_LARGE', where: 'a.ogg' })
    const long: PageFields = { ...link, lacing: [255, 255, 255, 255] }
    assert.equal(read(file(...Array<PageFields>(100).fill(long))).links.length, 100)
  })

  test('may be cut anywhere, and be followed by something else', () => {
    const whole = file({ first: true, fill: 'a' }, {}, ends)
    const pagesOf = (bytes: Uint8Array) => read(bytes).links.map(({ pages }) => pages.length)
    assert.deepEqual([pagesOf(whole), read(whole).notes], [[3], []])
    const size = page().length
    for (const [left, pages] of [
      [1, 2],
      [3, 2],
      [size - 10, 2],
      [size, 2],
      [size + 1, 1],
    ] as const) {
      const cut = whole.subarray(0, whole.length - left)
      assert.deepEqual(pagesOf(cut), [pages], `${left}`)
      assert.match(read(cut).notes.join(), /ends before its stream does/)
    }
    const tagged = concatenateBytes([whole, ascii('TAG and more than a page’s head')])
    assert.deepEqual(pagesOf(tagged), [3])
    assert.deepEqual(read(tagged).notes, ['What follows the end of the stream is left out.'])
    const damaged = whole.map((byte, i) => (i === whole.length - 1 ? byte ^ 1 : byte))
    assert.throws(() => read(damaged), { code: 'BAD_AUDIO', message: /a page is damaged/ })
    const lost = whole.map((byte, i) => (i === 2 * size ? 0 : byte))
    assert.throws(() => read(lost), { code: 'BAD_AUDIO', message: /a page is missing/ })
  })
})
