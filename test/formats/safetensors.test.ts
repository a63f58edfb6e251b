/** Safetensors: what was written is read, what is malformed is refused, and no header takes long. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MAX_TENSORS } from '#src/core/limits'
import { decodeSafetensors, encodeSafetensors } from '#src/formats/safetensors'
import { safetensors } from '../support/bytes.js'

const entry = (from: number, to: number) =>
  `{"dtype":"F32","shape":[${(to - from) / 4}],"data_offsets":[${from},${to}]}`
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)

describe('reading and writing', () => {
  test('tensors of any shape and name come back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.string(),
        fc.integer(),
        (shape, name, salt) => {
          fc.pre(name !== '__metadata__' && name !== '__proto__')
          const count = shape.reduce((product, size) => product * size, 1)
          const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i + salt))
          const tensors = new Map([
            [name, { shape, data }],
            ['__proto__', { shape: [], data: Float32Array.of(2) }],
          ])
          const metadata = new Map([[name, `a "quoted" ${name}`]])
          assert.deepEqual(decodeSafetensors(encodeSafetensors(tensors, metadata), 'a'), { tensors, metadata })
        },
      ),
    )
  })

  test('empty tensors, blanks in the header and escaped names are read', () => {
    const header = `{ "e" : {"dtype":"F32","shape":[0],"data_offsets":[0,0]},\n"\\u0061":${entry(0, 4)} }   `
    const { tensors } = decodeSafetensors(safetensors(header, floats(1.5)), 'a')
    assert.deepEqual([...tensors.keys()], ['e', 'a'])
    assert.deepEqual([...tensors.get('a')!.data], [1.5])
  })

  for (const [dtype, bytes, value] of [
    ['U16', [0x34, 0x12], 0x1234],
    ['U32', [0, 0, 0, 0x80], 2 ** 31],
    ['U64', [0, 0, 0, 0, 0, 0, 0, 0x80], 2 ** 63],
    ['BF16', [0x80, 0x3f], 1],
    ['F16', [0, 0x3c], 1],
    ['I8', [255], -1],
  ] as const) {
    test(`${dtype} is read`, () => {
      const header = `{"a":{"dtype":"${dtype}","shape":[1],"data_offsets":[0,${bytes.length}]}}`
      assert.deepEqual(
        [...decodeSafetensors(safetensors(header, Uint8Array.from(bytes)), 'a').tensors.get('a')!.data],
        [value],
      )
    })
  }
})

describe('the time and memory of a header', () => {
  const timed = (header: string, data: Uint8Array): number => {
    const start = performance.now()
    decodeSafetensors(safetensors(header, data), 'a')
    return performance.now() - start
  }

  test('a valid header of 400 kB of escaped quotes is read within half a second', () => {
    const metadata = JSON.stringify({ note: '"'.repeat(200_000) })
    assert.ok(timed(`{"__metadata__":${metadata},"a":${entry(0, 4)}}`, floats(1)) < 500)
  })

  test('blanks, backslashes and names without end take linear time', () => {
    for (const text of [' '.repeat(1_000_000), `"${'\\'.repeat(1_000_001)}`, `"${'a'.repeat(1_000_000)}`]) {
      const start = performance.now()
      assert.throws(() => decodeSafetensors(safetensors(`{${text}`, floats(1)), 'a'), { code: 'BAD_SAFETENSORS' })
      assert.ok(performance.now() - start < 500)
    }
  })

  test('more tensors than the limit are refused', () => {
    const names = Array.from({ length: MAX_TENSORS + 1 }, (_, i) => `"${i}":${entry(0, 0)}`)
    assert.throws(() => decodeSafetensors(safetensors(`{${names.join(',')}}`, floats()), 'a'), { code: 'TOO_LARGE' })
  })
})

describe('refusals', () => {
  for (const [name, bytes, code] of [
    ['a header longer than the limit', new Uint8Array(16).fill(255), 'BAD_SAFETENSORS'],
    ['overlapping tensors', safetensors(`{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, floats(1)), 'BAD_SAFETENSORS'],
    [
      'a gap between tensors',
      safetensors(`{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, floats(1, 2, 3)),
      'BAD_SAFETENSORS',
    ],
    ['bytes after the last tensor', safetensors(`{"a":${entry(0, 4)}}`, floats(1, 2)), 'BAD_SAFETENSORS'],
    ['a name that appears twice', safetensors(`{"a":${entry(0, 4)},"a":${entry(0, 4)}}`, floats(1)), 'BAD_SAFETENSORS'],
    [
      'a name twice, once escaped',
      safetensors(`{"a":${entry(0, 4)},"\\u0061":${entry(4, 8)}}`, floats(1, 2)),
      'BAD_SAFETENSORS',
    ],
    [
      'a field that appears twice',
      safetensors('{"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}', floats(1)),
      'BAD_SAFETENSORS',
    ],
    [
      'an unknown field',
      safetensors('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":[[]]}}', floats(1)),
      'BAD_SAFETENSORS',
    ],
    [
      'a negative size',
      safetensors('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', floats(1)),
      'BAD_SAFETENSORS',
    ],
    [
      'a size that is no integer',
      safetensors('{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', floats(1)),
      'BAD_SAFETENSORS',
    ],
    ['metadata that is not text', safetensors('{"__metadata__":{"a":1}}', floats()), 'BAD_SAFETENSORS'],
    ['text after the header', safetensors(`{"a":${entry(0, 4)}}x`, floats(1)), 'BAD_SAFETENSORS'],
    [
      'an unknown dtype',
      safetensors('{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', floats(1)),
      'UNSUPPORTED_FORMAT',
    ],
    ['a tensor that is cut off', safetensors(`{"a":${entry(0, 8)}}`, floats(1)), 'TRUNCATED'],
    [
      'a double beyond float32',
      safetensors(
        '{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}',
        new Uint8Array(Float64Array.of(1e300).buffer),
      ),
      'NOT_FINITE',
    ],
  ] as const) {
    test(name, () => {
      assert.throws(() => decodeSafetensors(bytes, 'a.safetensors'), { name: 'DiffWaveError', code })
    })
  }

  test('a Git LFS pointer and a web page are named', () => {
    for (const [text, hint] of [
      ['version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n', /git lfs pull/],
      ['\n<!DOCTYPE html><html><title>Quota exceeded</title></html>', /web page/],
    ] as const) {
      assert.throws(
        () => decodeSafetensors(new TextEncoder().encode(text), 'a'),
        error => error instanceof Error && 'hint' in error && hint.test(String(error.hint)),
      )
    }
  })
})
