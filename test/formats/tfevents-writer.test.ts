/** TensorBoard event files, down to their bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '#src/formats/crc32'
import { decodeEvents } from '#src/formats/tfevents'
import { encodeEvent, frameRecord } from '#src/formats/tfevents-writer'

test('CRC-32C gives the values of RFC 3720, appendix B.4', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
})

test('a record frames its data, and a scalar event has the fields of event.proto', () => {
  const event = encodeEvent(1.5, 300, [{ kind: 'scalar', tag: 'loss', value: 0.25 }])
  const hex = Buffer.from(event).toString('hex')
  assert.equal(hex, `09000000000000f83f10ac02${'2a0d'}${'0a0b'}${'0a046c6f7373'}150000803e`)
  const record = frameRecord(event)
  const view = new DataView(record.buffer)
  assert.equal(view.getBigUint64(0, true), BigInt(event.length))
  assert.equal(record.length, event.length + 16)
  const unmask = (value: number) => {
    const rotated = (value - 0xa282ead8) >>> 0
    return ((rotated >>> 17) | (rotated << 15)) >>> 0
  }
  assert.equal(unmask(view.getUint32(8, true)), crc32c(record.subarray(0, 8)))
  assert.equal(unmask(view.getUint32(12 + event.length, true)), crc32c(event))
})

test('damage to a record’s length or data is refused, and a record that is half written is not', () => {
  const audio = { samples: Float32Array.of(0.1, 0.2), sampleRate: 8000 }
  const record = frameRecord(encodeEvent(1.5, 7, [{ kind: 'audio', tag: 'made', audio }]))
  assert.deepEqual(
    decodeEvents(Buffer.concat([record, record.subarray(0, -1)]), 'events').map(({ step }) => step),
    [7],
  )
  for (const at of [0, 9, 40, record.length - 1]) {
    const damaged = Buffer.concat([record, record])
    damaged[at]! ^= 1
    assert.throws(() => decodeEvents(damaged, 'events'), { code: 'CORRUPTED', where: 'events' }, `byte ${at}`)
  }
})
