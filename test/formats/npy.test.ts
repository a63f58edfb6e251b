/** NumPy's `.npy` and `.npz`: every header and number type of NumPy is read, all else is refused with advice. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { unzipSync, zipSync } from 'fflate'
import { decodeNpy, encodeNpy } from '#src/formats/npy'
import { decodeNpz, npzNames } from '#src/formats/npz'
import { decodeTorch } from '#src/formats/pytorch'
import { ascii, base64, npy } from '../support/bytes.js'
import { inCase } from '../support/in-case.js'

/** How long a function takes. */
function secondsOf(run: () => void): number {
  const start = performance.now()
  run()
  return (performance.now() - start) / 1000
}

const doubles = new Uint8Array(new Float64Array([1, 2, 3, 4, 5, 6]).buffer)
const fields = (descr: string, shape = '(1,)', order = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`

describe('decodeNpy reads headers', () => {
  test('of every version of Python and NumPy', () => {
    for (const [name, header] of [
      ['as NumPy writes them', fields("'<f8'", '(2, 3)')],
      ['with keys in another order', "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f8'}"],
      ['of Python 2', fields("'<f8'", '(2L, 3L)')],
      ['of Python 2 with Unicode strings', "{u'descr': u'<f8', u'fortran_order': False, u'shape': (2L, 3L), }"],
      ['with double quotes and no spaces', '{"descr":"<f8","fortran_order":False,"shape":(2,3)}'],
      ['with line breaks and trailing commas', "{\n'descr': '<f8',\n'fortran_order': False,\n'shape': (2, 3,),\n}"],
      ['with a list as shape', fields("'<f8'", '[2, 3]')],
      ['with the native byte order', fields("'=f8'", '(2, 3)')],
      ['with the long name of a type', fields("'float64'", '(2, 3)')],
    ] as const) {
      inCase(name, () => {
        const { shape, data } = decodeNpy(npy(header, doubles), 'a.npy')
        assert.deepEqual(shape, [2, 3])
        assert.deepEqual([...data], [1, 2, 3, 4, 5, 6])
      })
    }
  })

  test('in Fortran order, column by column', () => {
    const { data } = decodeNpy(npy(fields("'<f8'", '(2, 3)', 'True'), doubles), 'a.npy')
    assert.deepEqual([...data], [1, 3, 5, 2, 4, 6])
  })
})

describe('decodeNpy reads numbers', () => {
  test('of every type and byte order', () => {
    for (const [descr, bytes, value] of [
      ['>f4', [0x3f, 0xc0, 0, 0], 1.5],
      ['<f2', [0x00, 0x3e], 1.5],
      ['>f2', [0x3e, 0x00], 1.5],
      ['|u1', [200], 200],
      ['<u2', [0x34, 0xf2], 0xf234],
      ['>u2', [0xf2, 0x34], 0xf234],
      ['<u4', [0, 0, 0, 0x80], 2 ** 31],
      ['<u8', [0, 0, 0, 0, 0, 0, 0, 0x80], 2 ** 63],
      ['>i8', [255, 255, 255, 255, 255, 255, 255, 254], -2],
      ['|i1', [254], -2],
      ['|b1', [1], 1],
    ] as const) {
      inCase(descr, () => {
        assert.deepEqual([...decodeNpy(npy(fields(`'${descr}'`), Uint8Array.from(bytes)), 'a.npy').data], [value])
      })
    }
  })

  test('of a big-endian float16 array that NumPy wrote', () => {
    const file = base64(
      'k05VTVBZAQB2AHsnZGVzY3InOiAnPmYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAg' +
        'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo8AEAAQgBEAEWARgA=',
    )
    assert.deepEqual([...decodeNpy(file, 'a.npy').data], [1, 2, 3, 4, 5.5, 6])
  })

  test('that encodeNpy wrote', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }), fc.integer(), (shape, salt) => {
        const count = shape.reduce((product, size) => product * size, 1)
        const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i + salt))
        assert.deepEqual(decodeNpy(encodeNpy({ shape, data }), 'a.npy'), { shape, data })
      }),
    )
    // Headers of every length modulo 64.
    for (let axes = 0; axes <= 64; axes++) {
      const tensor = { shape: new Array<number>(axes).fill(1), data: Float32Array.of(1.5) }
      assert.deepEqual(decodeNpy(encodeNpy(tensor), 'a.npy'), tensor)
    }
  })
})

describe('decodeNpy refuses', () => {
  test('a fortran_order that is neither True nor False, and names it', () => {
    for (const order of ['0', '1', 'None', "'False'"]) {
      inCase(order, () => {
        const file = npy(fields("'<f4'", '(1,)', order), new Uint8Array(4))
        assert.throws(() => decodeNpy(file, 'a.npy'), {
          code: 'BAD_NPY',
          message: /fortran_order is neither True nor False/,
        })
      })
    }
  })

  test('damaged and hostile files with a code', () => {
    for (const [name, bytes, code] of [
      ['an empty file', new Uint8Array(0), 'TRUNCATED'],
      ['another kind of file', ascii('RIFF....WAVE'), 'UNSUPPORTED_FORMAT'],
      [
        'a header that lies about its size',
        npy(fields("'<f4'", '(999999999, 999999)'), new Uint8Array(8)),
        'TRUNCATED',
      ],
      ['more numbers than declared', npy(fields("'<f4'"), new Uint8Array(8)), 'BAD_NPY'],
      ['a header of spaces', npy(`{'descr': '<f4', 'shape': (1,)${' '.repeat(60_000)}x`, new Uint8Array(4)), 'BAD_NPY'],
      ['a shape of a thousand axes', npy(fields("'<f4'", `(${'1,'.repeat(1000)})`), new Uint8Array(4)), 'BAD_NPY'],
      ['brackets without end', npy(fields("'<f4'", '('.repeat(5000)), new Uint8Array(4)), 'BAD_NPY'],
      ['a key that appears twice', npy(`{'descr': '<f4', ${fields("'<f4'").slice(1)}`, new Uint8Array(4)), 'BAD_NPY'],
      [
        'an unknown key',
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", new Uint8Array(4)),
        'BAD_NPY',
      ],
      ['negative sizes', npy(fields("'<f4'", '(-1, -1)'), new Uint8Array(4)), 'BAD_NPY'],
      ['a header that is cut off', npy(fields("'<f4'"), new Uint8Array(4)).subarray(0, 60), 'TRUNCATED'],
      // Version 2, which states the length in four bytes.
      ['a header of 65,537 bytes', Uint8Array.of(0x93, ...ascii('NUMPY'), 2, 0, 1, 0, 1, 0), 'BAD_NPY'],
      ['something after the dictionary', npy(`${fields("'<f4'")} + 1`, new Uint8Array(4)), 'BAD_NPY'],
      ['a double beyond float32', npy(fields("'<f8'"), new Uint8Array(Float64Array.of(-1e300).buffer)), 'NOT_FINITE'],
    ] as const) {
      inCase(name, () => {
        assert.throws(() => decodeNpy(bytes, 'a.npy'), { name: 'DiffWaveError', code })
      })
    }
  })

  test('an array of anything but numbers, and says how to convert it', () => {
    for (const [descr, message, hint, shape = '(2,)'] of [
      ["'|O'", /Python objects/, /\.item\(\)/, '()'],
      ["'|O'", /Python objects/, /np\.stack/],
      ["'<c8'", /complex numbers/, /np\.abs/],
      ["'<U3'", /text/, /astype/],
      ["'|V2'", /bfloat16/, /float32/],
      ["'<f16'", /dtype <f16/, /float32/],
      ["[('a', '<f4'), ('b', '<i4')]", /named fields/, /float32/],
    ] as const) {
      inCase(`${descr} and shape ${shape}`, () => {
        assert.throws(
          () => decodeNpy(npy(fields(descr, shape), new Uint8Array(8)), 'a.npy'),
          error =>
            error instanceof Error &&
            'code' in error &&
            error.code === 'UNSUPPORTED_FORMAT' &&
            message.test(error.message) &&
            'hint' in error &&
            hint.test(String(error.hint)),
        )
      })
    }
  })
})

describe('decodeNpz', () => {
  test('reads an archive that np.savez_compressed wrote', () => {
    const file = base64(
      'UEsDBC0AAAAIAAAAIQBumbIo//////////8JABQAb3RoZXIubnB5AQAQAJAAAAAAAAAARwAAAAAAAACb7BfqGxDJyFDGUK2e' +
        'klqcXKRupaBuk2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuBjQAAFBLAwQtAAAACAAAACEA' +
        '554Iof//////////BwAUAG1lbC5ucHkBABAAmAAAAAAAAABYAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Ce' +
        'll9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsaaOgq1CmQDLgaGBnsGBgYHIALiBiDeAMQHHABQSwECLQMtAAAACAAA' +
        'ACEAbpmyKEcAAACQAAAACQAAAAAAAAAAAAAAgAEAAAAAb3RoZXIubnB5UEsBAi0DLQAAAAgAAAAhAOeeCKFYAAAAmAAAAAcA' +
        'AAAAAAAAAAAAAIABggAAAG1lbC5ucHlQSwUGAAAAAAIAAgBsAAAAEwEAAAAA',
    )
    assert.deepEqual(npzNames(file, 'a.npz'), ['other', 'mel'])
    const { shape, data } = decodeNpz(file, 'mel', 'a.npz')
    assert.deepEqual(shape, [2, 3])
    assert.deepEqual([...data], [1, 2, 3, 4, 5.5, 6])
  })

  test('reads an archive whose sizes and places have 64 bits', () => {
    // Made with zipfile.ZIP64_LIMIT = 1 in Python.
    const file = base64(
      'UEsDBC0AAAgAAAAAIQA47i9y//////////8GABQAw6kubnB5AQAQAIgAAAAAAAAAiAAAAAAAAACTTlVNUFkBAHYAeydkZXNj' +
        'cic6ICc8ZjQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwpLCB9ICAgICAgICAgICAgICAgICAgICAg' +
        'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgAAgD8AACBAUEsDBC0AAAAIAAAAIQA47i9y////////' +
        '//8HABQAbWVsLm5weQEAEACIAAAAAAAAAEwAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNmoq6joJ6WX1RSlJgXn1+U' +
        'kgoSd0vMKU4FihdnJBakAvkaRjqaOgq1ChQALgaGBnsGBgUHAFBLAQItAy0AAAgAAAAAIQA47i9y//////////8GABQAAAAA' +
        'AAAAAACAAQAAAADDqS5ucHkBABAAiAAAAAAAAACIAAAAAAAAAFBLAQItAy0AAAAIAAAAIQA47i9y//////////8HABwAAAAA' +
        'AAAAAACAAf////9tZWwubnB5AQAYAIgAAAAAAAAATAAAAAAAAADAAAAAAAAAAFBLBgYsAAAAAAAAAC0ALQAAAAAAAAAAAAIA' +
        'AAAAAAAAAgAAAAAAAACZAAAAAAAAAEUBAAAAAAAAUEsGBwAAAADeAQAAAAAAAAEAAABQSwUGAAAAAAIAAgCZAAAARQEAAAAA',
    )
    assert.deepEqual(npzNames(file, 'a.npz'), ['é', 'mel'])
    for (const name of ['é', 'mel']) assert.deepEqual([...decodeNpz(file, name, 'a.npz').data], [1, 2.5])
    // As large archives end: their directory's place and its number of entries do not fit.
    const end = new DataView(file.buffer, file.byteOffset + file.length - 22)
    for (const at of [8, 10]) end.setUint16(at, 0xffff, true)
    for (const at of [12, 16]) end.setUint32(at, 0xffffffff, true)
    assert.deepEqual(npzNames(file, 'a.npz'), ['é', 'mel'])
  })

  test('refuses an entry that is longer than its directory says, and does not inflate it to its end', () => {
    const zip = zipSync({ 'a.npy': new Uint8Array(2 ** 25) }, { level: 1 })
    const inflating = secondsOf(() => unzipSync(zip))
    const view = new DataView(zip.buffer)
    view.setUint32(view.getUint32(zip.length - 6, true) + 24, 1000, true)
    const refuse = () => assert.throws(() => decodeNpz(zip, 'a', 'a.npz'), { name: 'DiffWaveError', code: 'BAD_ZIP' })
    const refusing = Math.min(secondsOf(refuse), secondsOf(refuse), secondsOf(refuse))
    assert.ok(refusing < inflating / 2, `${refusing} s, and ${inflating} s to inflate it`)
  })

  test('refuses an entry with too large a size before it is unpacked', () => {
    const zip = zipSync({ 'a.npy': new Uint8Array(10_000) })
    const view = new DataView(zip.buffer)
    // The directory's entry: its uncompressed size stands 24 bytes in.
    for (let at = 0; at + 4 < zip.length; at++) {
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 2 ** 31, true)
    }
    assert.throws(() => decodeNpz(zip, 'a', 'a.npz'), { name: 'DiffWaveError', code: 'TOO_LARGE' })
  })

  test('reads an archive with a comment, but not with two entries of one name or two sizes', () => {
    const array = encodeNpy({ shape: [1], data: Float32Array.of(1) })
    const zip = zipSync({ 'a.npy': array, 'b.npy': array }, { level: 0 })
    const [directory, end] = [new DataView(zip.buffer).getUint32(zip.length - 6, true), zip.length - 22]
    const comment = ascii('no more than a remark')
    const remarked = Uint8Array.from([...zip, ...comment]).fill(comment.length, end + 20, end + 21)
    assert.deepEqual([...decodeNpz(remarked, 'b', 'a.npz').data], [1])
    const twice = zip.slice().fill(0x61, end - 5, end - 4)
    assert.throws(() => npzNames(twice, 'a.npz'), { code: 'BAD_ZIP', message: /a\.npy twice/ })
    const short = zip.slice().fill(array.length - 1, directory + 24, directory + 25)
    assert.throws(() => decodeNpz(short, 'a', 'a.npz'), { code: 'BAD_ZIP' })
  })

  test('refuses an array whose bytes are not those of its checksum', () => {
    const zip = zipSync({ 'a.npy': encodeNpy({ shape: [2], data: Float32Array.of(1, 2) }) }, { level: 0 })
    const directory = new DataView(zip.buffer).getUint32(zip.length - 6, true)
    const flipped = zip.slice()
    flipped[directory - 1]! ^= 1
    assert.deepEqual([...decodeNpz(zip, 'a', 'a.npz').data], [1, 2])
    const damaged = { name: 'DiffWaveError', code: 'BAD_ZIP', message: /a\.npy is damaged/ }
    assert.throws(() => decodeNpz(flipped, 'a', 'a.npz'), damaged)
  })

  test('says that an archive is encrypted', () => {
    const zip = zipSync({ 'a.npy': new Uint8Array(100), 'data.pkl': new Uint8Array(100) })
    const view = new DataView(zip.buffer)
    const directory = view.getUint32(zip.length - 6, true)
    view.setUint16(directory + 8, 1, true)
    for (const read of [() => decodeNpz(zip, 'a', 'a.npz'), () => decodeTorch(zip, 'a.pt')]) {
      assert.throws(read, { name: 'DiffWaveError', code: 'UNSUPPORTED_FORMAT', message: /a\.npy is encrypted/ })
    }
  })

  test('names a missing array', () => {
    const zip = zipSync({ 'a.npy': encodeNpy({ shape: [1], data: Float32Array.of(1) }) })
    assert.throws(() => decodeNpz(zip, 'b', 'a.npz'), { name: 'DiffWaveError', code: 'BAD_ZIP' })
  })
})
