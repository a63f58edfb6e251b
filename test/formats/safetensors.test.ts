/** Safetensors: what was written can be read, malformed files are refused, and no header takes long to read. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MAX_TENSORS } from '#src/core/limits'
import { decodeSafetensors, encodeSafetensors, isSafetensors } from '#src/formats/safetensors'
import { decodeTensorFile } from '#src/formats/tensor-file'
import { safetensors } from '../support/bytes.js'
import { inCase } from '../support/in-case.js'

const entry = (from: number, to: number) =>
  `{"dtype":"F32","shape":[${(to - from) / 4}],"data_offsets":[${from},${to}]}`
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)
/** A file of one number, with these fields and its offsets. */
const single = (fields: string) => safetensors(`{"a":{${fields},"data_offsets":[0,4]}}`, floats(1))

describe('reading and writing safetensors', () => {
  test('returns tensors of any shape and name', () => {
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

  test('accepts empty tensors, spaces in the header and escaped names', () => {
    const header = `{ "e" : {"dtype":"F32","shape":[0],"data_offsets":[0,0]},\n"\\u0061":${entry(0, 4)} }   `
    const { tensors } = decodeSafetensors(safetensors(header, floats(1.5)), 'a')
    assert.deepEqual([...tensors.keys()], ['e', 'a'])
    assert.deepEqual([...tensors.get('a')!.data], [1.5])
  })

  test('recognises a file whose header has as many bytes as “PK” begins a zip archive with', () => {
    const file = safetensors(`{"a":${entry(0, 4)}}`.padEnd(0x4b50), floats(2))
    assert.ok(isSafetensors(file))
    assert.ok(!isSafetensors(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0x7b)))
    assert.deepEqual([...decodeTensorFile(file, undefined, 'a').data], [2])
  })

  test('supports every type of number', () => {
    for (const [dtype, bytes, value] of [
      ['U16', [0x34, 0x12], 0x1234],
      ['U32', [0, 0, 0, 0x80], 2 ** 31],
      ['U64', [0, 0, 0, 0, 0, 0, 0, 0x80], 2 ** 63],
      ['BF16', [0x80, 0x3f], 1],
      ['F16', [0, 0x3c], 1],
      ['I8', [255], -1],
    ] as const) {
      inCase(dtype, () => {
        const header = `{"a":{"dtype":"${dtype}","shape":[1],"data_offsets":[0,${bytes.length}]}}`
        assert.deepEqual(
          [...decodeSafetensors(safetensors(header, Uint8Array.from(bytes)), 'a').tensors.get('a')!.data],
          [value],
        )
      })
    }
  })
})

describe('reading half precision', () => {
  /** IEEE 754: ten bits of fraction; five of exponent, with a bias of 15; a sign. */
  const value = (bits: number): number => {
    const [sign, exponent, fraction] = [bits >> 15 === 1 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
  }

  test('gives all 65,536 numbers, at even and odd addresses', () => {
    for (const [where, blanks, asRead] of [
      ['an even address', '', (bytes: Uint8Array) => bytes],
      ['an odd address', ' ', (bytes: Uint8Array) => bytes],
      ['an odd address of a Buffer', ' ', (bytes: Uint8Array) => Buffer.from(bytes)],
    ] as const) {
      inCase(where, () => {
        const text = `{"a":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}`
        const header = text.length % 2 === 0 ? text + blanks : `${text} ${blanks}`
        const all = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer)
        const { data } = decodeSafetensors(asRead(safetensors(header, all)), 'a').tensors.get('a')!
        assert.deepEqual(
          data,
          Float32Array.from({ length: 65_536 }, (_, i) => value(i)),
        )
      })
    }
  })

  test('works for tensors of several types in one file', () => {
    const header =
      '{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'
    const numbers = Uint8Array.from([0, 0x3c, 0, 0xc0, ...floats(2.5)])
    const { tensors } = decodeSafetensors(safetensors(header, numbers), 'a')
    assert.deepEqual(
      [...tensors.values()].map(({ data }) => [...data]),
      [[1, -2], [2.5]],
    )
  })
})

describe('writing half precision', () => {
  const written = (type: 'F16' | 'BF16', ...values: number[]) => {
    const file = encodeSafetensors(
      new Map([['a', { shape: [values.length], data: Float32Array.from(values) }]]),
      new Map(),
      type,
    )
    return [...decodeSafetensors(file, 'a').tensors.get('a')!.data]
  }

  test('keeps every half-precision number', () => {
    const header = `{"a":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}`
    const all = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer)
    const { data } = decodeSafetensors(safetensors(header, all), 'a').tensors.get('a')!
    assert.deepEqual(written('F16', ...data), [...data])
  })

  test('rounds to the nearest number, ties to even', () => {
    // Half precision has steps of 2^-10 above 1, and of 2^-24 below 2^-14; bfloat16 of 2^-7 above 1.
    const ulp = 2 ** -10
    assert.deepEqual(written('F16', 1 + 0.5 * ulp, 1 + 1.5 * ulp, 1 + 0.501 * ulp, -1 - 1.499 * ulp), [
      1,
      1 + 2 * ulp,
      1 + ulp,
      -1 - ulp,
    ])
    const unit = 2 ** -24
    assert.deepEqual(written('F16', 0.5 * unit, 1.5 * unit, 2.5 * unit, 0.51 * unit, 1023.5 * unit, -1e-30), [
      0,
      2 * unit,
      2 * unit,
      unit,
      1024 * unit,
      -0,
    ])
    assert.deepEqual(written('F16', 65_519), [65_504])
    const step = 2 ** -7
    assert.deepEqual(written('BF16', 1 + 0.5 * step, 1 + 1.5 * step, 1 + 0.501 * step, -3.1), [
      1,
      1 + 2 * step,
      1 + step,
      -3.09375,
    ])
  })

  test('keeps infinity and NaN', () => {
    for (const type of ['F16', 'BF16'] as const) {
      const values = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
      assert.deepEqual(written(type, ...values), values)
    }
  })

  test('refuses a finite number that would become infinite, by name', () => {
    for (const [type, value] of [
      ['F16', 65_520],
      ['F16', -1e6],
      ['BF16', 3.4e38],
    ] as const) {
      assert.throws(() => written(type, 0, value), { name: 'DiffWaveError', code: 'NOT_FINITE', message: /number 1/ })
    }
  })

  test('gives a file that is refused when it is truncated', () => {
    const file = encodeSafetensors(new Map([['a', { shape: [3], data: Float32Array.of(1, 2, 3) }]]), new Map(), 'F16')
    assert.throws(() => decodeSafetensors(file.subarray(0, file.length - 1), 'a'), { code: 'TRUNCATED' })
  })
})

test('an empty tensor may begin where another does, in any order', () => {
  const empty = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
  const { tensors } = decodeSafetensors(safetensors(`{"a":${entry(0, 4)},"b":${empty}}`, floats(1)), 'a')
  assert.deepEqual(
    [...tensors.values()].map(({ data }) => [...data]),
    [[1], []],
  )
})

describe('the time to read a safetensors header', () => {
  const timed = (header: string, data: Uint8Array): number => {
    const start = performance.now()
    decodeSafetensors(safetensors(header, data), 'a')
    return performance.now() - start
  }

  test('is at most half a second for 400 kB of escaped quotes', () => {
    const metadata = JSON.stringify({ note: '"'.repeat(200_000) })
    assert.ok(timed(`{"__metadata__":${metadata},"a":${entry(0, 4)}}`, floats(1)) < 500)
  })

  test('is linear in spaces, backslashes and unterminated names', () => {
    for (const text of [' '.repeat(1_000_000), `"${'\\'.repeat(1_000_001)}`, `"${'a'.repeat(1_000_000)}`]) {
      const start = performance.now()
      assert.throws(() => decodeSafetensors(safetensors(`{${text}`, floats(1)), 'a'), { code: 'BAD_SAFETENSORS' })
      assert.ok(performance.now() - start < 500)
    }
  })

  test('is limited: too many tensors are refused', () => {
    const names = Array.from({ length: MAX_TENSORS + 1 }, (_, i) => `"${i}":${entry(0, 0)}`)
    assert.throws(() => decodeSafetensors(safetensors(`{${names.join(',')}}`, floats()), 'a'), { code: 'TOO_LARGE' })
  })
})

describe('decodeSafetensors refuses', () => {
  test('damaged and hostile files with a code', () => {
    for (const [name, bytes, code] of [
      ['a header longer than the limit', new Uint8Array(16).fill(255), 'BAD_SAFETENSORS'],
      ['overlapping tensors', safetensors(`{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, floats(1)), 'BAD_SAFETENSORS'],
      [
        'a gap between tensors',
        safetensors(`{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, floats(1, 2, 3)),
        'BAD_SAFETENSORS',
      ],
      ['bytes after the last tensor', safetensors(`{"a":${entry(0, 4)}}`, floats(1, 2)), 'BAD_SAFETENSORS'],
      [
        'a name that appears twice',
        safetensors(`{"a":${entry(0, 4)},"a":${entry(0, 4)}}`, floats(1)),
        'BAD_SAFETENSORS',
      ],
      [
        'a name twice, once escaped',
        safetensors(`{"a":${entry(0, 4)},"\\u0061":${entry(4, 8)}}`, floats(1, 2)),
        'BAD_SAFETENSORS',
      ],
      ['a field that appears twice', single('"dtype":"F32","dtype":"F32","shape":[]'), 'BAD_SAFETENSORS'],
      [
        'an unknown field',
        safetensors('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":[[]]}}', floats(1)),
        'BAD_SAFETENSORS',
      ],
      ['a negative size', single('"dtype":"F32","shape":[-1]'), 'BAD_SAFETENSORS'],
      ['a size that is no integer', single('"dtype":"F32","shape":[1e0]'), 'BAD_SAFETENSORS'],
      ['a shape that appears twice', single('"dtype":"F32","shape":[],"shape":[]'), 'BAD_SAFETENSORS'],
      ['a size with a leading zero', single('"dtype":"F32","shape":[01]'), 'BAD_SAFETENSORS'],
      [
        'a size beyond all integers',
        safetensors('{"a":{"dtype":"F32","shape":[0,9007199254740993],"data_offsets":[0,0]}}', floats()),
        'BAD_SAFETENSORS',
      ],
      ['a tensor of 17 axes', single(`"dtype":"F32","shape":[${Array(17).fill(1)}]`), 'BAD_SAFETENSORS'],
      [
        'a tensor of more bytes than its shape needs',
        safetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}', floats(1, 2)),
        'BAD_SAFETENSORS',
      ],
      ['a key of the metadata twice', safetensors('{"__metadata__":{"a":"x","a":"y"}}', floats()), 'BAD_SAFETENSORS'],
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
      inCase(name, () => {
        assert.throws(() => decodeSafetensors(bytes, 'a.safetensors'), { name: 'DiffWaveError', code })
      })
    }
  })

  test('a Git LFS pointer and a web page, and names them in the hint', () => {
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
