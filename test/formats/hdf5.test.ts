/** HDF5 statistics of ParallelWaveGAN, as h5py writes them: `test/golden/mel/stats.h5`, 80 bands, float32. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { DiffWaveError } from '#src/core/errors'
import { decodeHdf5 } from '#src/formats/hdf5'
import { readMelStatistics } from '#src/formats/mel-statistics'
import { inCase } from '../support/in-case.js'
import { golden } from '../support/paths.js'

const path = golden('mel/stats.h5')
const bytes = new Uint8Array(readFileSync(path))
const decode = (file: Uint8Array, max = 80) => decodeHdf5(file, ['mean', 'scale'], max, 'stats.h5')
const isRead = (file: Uint8Array) => {
  try {
    return decode(file).size === 2
  } catch {
    return false
  }
}
const changed = (at: number, ...values: number[]) => {
  const copy = bytes.slice()
  copy.set(values, at)
  return copy
}

test('reads mean and deviation of each band', async () => {
  const { mean, deviation } = await readMelStatistics(path)
  assert.deepEqual([mean.length, deviation.length], [80, 80])
  for (const [band, value] of mean.entries()) assert.ok(Math.abs(value - (-2 + 0.01 * band)) < 1e-6)
  for (const [band, value] of deviation.entries()) assert.ok(Math.abs(value - (0.5 + 0.005 * band)) < 1e-6)
})

/** Where the first array's shape, the header of its numbers, and the message with their place are in the file. */
const [SHAPE, TYPE, LAYOUT] = [0x338, 0x358, 0x380]

test('reads a shape of the second version, and big-endian numbers', () => {
  assert.deepEqual(decode(changed(SHAPE, 2, 1, 0, 1, 80, 0, 0, 0, 0, 0, 0, 0)), decode(bytes))
  const [name, { data }] = [...decode(bytes)].find(([, { data }]) => data[1] === -1.99 || data.length === 80)!
  const swapped = [...decode(changed(TYPE + 1, bytes[TYPE + 1]! | 1))].find(([own]) => own === name)![1].data
  const view = new DataView(new ArrayBuffer(4))
  for (const [i, value] of data.entries()) {
    view.setFloat32(0, value, true)
    assert.equal(swapped[i], view.getFloat32(0, false))
  }
})

test('reads a header that is continued elsewhere', () => {
  // A message of 32 bytes moves to the end of the file, and one that points to it takes its place.
  const moved = new Uint8Array(bytes.length + 32)
  moved.set(bytes)
  moved.copyWithin(bytes.length, LAYOUT, LAYOUT + 32)
  const view = new DataView(moved.buffer)
  view.setUint16(LAYOUT, 0x10, true)
  view.setBigUint64(LAYOUT + 8, BigInt(bytes.length), true)
  view.setBigUint64(LAYOUT + 16, 32n, true)
  assert.deepEqual(decode(moved), decode(bytes))
  // A block that continues in itself ends as too many parts.
  view.setBigUint64(LAYOUT + 8, BigInt(LAYOUT), true)
  assert.throws(() => decode(moved), { code: 'UNSUPPORTED_FORMAT', got: 'too many parts' })
})

describe('decodeHdf5 refuses', () => {
  test('damaged, hostile and newer files with a code', () => {
    for (const [title, file, code] of [
      ['a newer superblock', changed(8, 2), 'UNSUPPORTED_FORMAT'],
      ['a group whose tree is elsewhere', changed(80, 255, 255, 255, 255, 255, 255, 255, 127), 'TRUNCATED'],
      ['a tree that holds itself', changed(0xa8, 0x88, 0), 'UNSUPPORTED_FORMAT'],
      ['chunks', changed(0x389, 2), 'UNSUPPORTED_FORMAT'],
      ['integers', changed(TYPE, 0x10), 'UNSUPPORTED_FORMAT'],
      ['five axes', changed(SHAPE + 1, 5), 'UNSUPPORTED_FORMAT'],
      ['a newer object header', changed(SHAPE - 0x18, 2), 'UNSUPPORTED_FORMAT'],
      ['names that are no heap', changed(bytes[88]! + 256 * bytes[89]!, 0), 'UNSUPPORTED_FORMAT'],
      ['more numbers than bytes', changed(0x340, 81, 0, 0, 1), 'TOO_LARGE'],
    ] as const) {
      inCase(title, () => assert.throws(() => decode(file), { code, where: /stats\.h5/ }))
    }
  })

  test('no names, however long, and takes no time for thousands of references to one', () => {
    const heap = bytes[88]! + 256 * bytes[89]!
    const [entries, nameBytes] = [4000, 2 ** 24]
    const file = new Uint8Array(bytes.length + 8 + 40 * entries + nameBytes).fill(0x61)
    file.set(bytes)
    const view = new DataView(file.buffer)
    // The tree's only leaf, its entries, whose names begin with the heap, and the heap.
    view.setBigUint64(0xa8, BigInt(bytes.length), true)
    file.set(Buffer.from('SNOD\x01\0'), bytes.length)
    view.setUint16(bytes.length + 6, entries, true)
    file.fill(0, bytes.length + 8, -nameBytes)
    view.setBigUint64(heap + 8, BigInt(nameBytes), true)
    view.setBigUint64(heap + 24, BigInt(file.length - nameBytes), true)
    const start = performance.now()
    assert.equal(decode(file).size, 0)
    assert.ok(performance.now() - start < 1000)
  })

  test('a truncated file, unless all that is wanted comes before the cut', () => {
    const whole = decode(bytes)
    let shortest = bytes.length
    for (let length = bytes.length - 1; length >= 0; length--) {
      const cut = bytes.subarray(0, length)
      if (shortest === length + 1 && isRead(cut)) {
        shortest = length
        assert.deepEqual(decode(cut), whole)
      } else assert.throws(() => decode(cut), DiffWaveError, String(length))
    }
    assert.ok(shortest > bytes.length / 2, `${shortest} of ${bytes.length} bytes`)
  })

  test('random changes with an error code, or reads numbers', () => {
    let state = 1
    const next = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    for (let round = 0; round < 500; round++) {
      const copy = bytes.slice()
      for (let i = 0; i < 4; i++) copy[next(copy.length)] = next(256)
      try {
        decode(copy)
      } catch (error) {
        assert.ok(error instanceof DiffWaveError, `round ${round}: ${error}`)
      }
    }
  })
})
