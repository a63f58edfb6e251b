/** Files of numbers: what was written is read, what the references wrote is read, and hostile bytes give typed errors. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { DiffWaveError } from '#src/core/errors'
import { readMel } from '#src/formats/mel-file'
import { decodeNpy, encodeNpy } from '#src/formats/npy'
import { decodeTorch, stateDict } from '#src/formats/pytorch'
import { decodeSafetensors, encodeSafetensors } from '#src/formats/safetensors'
import { golden } from '../support/paths.js'

const ascii = (text: string) => Uint8Array.from(text, character => character.charCodeAt(0))

function npy(header: string, data: Uint8Array): Uint8Array {
  const text = `${header.padEnd(117)}\n`
  return Uint8Array.from([0x93, ...ascii('NUMPY'), 1, 0, text.length, 0, ...ascii(text), ...data])
}

function safetensors(header: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + header.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
  bytes.set(ascii(header), 8)
  bytes.set(data, 8 + header.length)
  return bytes
}

/** A legacy PyTorch file's first pickle, then a pickle of the bytes given. */
const pickle = (...bytes: number[]) => Uint8Array.from([0x80, 2, ...bytes])

test('npy and safetensors give back what was written', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }),
      fc.integer(),
      (shape, salt) => {
        const count = shape.reduce((product, size) => product * size, 1)
        const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i + salt))
        assert.deepEqual(decodeNpy(encodeNpy({ shape, data }), 'a.npy'), { shape, data })
        const tensors = new Map([
          ['a', { shape, data }],
          ['__proto__', { shape: [], data: Float32Array.of(2) }],
        ])
        assert.deepEqual(decodeSafetensors(encodeSafetensors(tensors), 'a').tensors, tensors)
      },
    ),
  )
})

test('the .npy variants that numpy writes are read', () => {
  const double = new Uint8Array(new Float64Array([1, 2, 3, 4, 5, 6]).buffer)
  const rows = "'shape': (2, 3), }"
  assert.deepEqual(
    [...decodeNpy(npy(`{'descr': '<f8', 'fortran_order': False, ${rows}`, double), 'a').data],
    [1, 2, 3, 4, 5, 6],
  )
  assert.deepEqual(
    [...decodeNpy(npy(`{'descr': '<f8', 'fortran_order': True, ${rows}`, double), 'a').data],
    [1, 3, 5, 2, 4, 6],
  )
  const big = new Uint8Array(Float32Array.of(1.5).buffer).reverse()
  assert.deepEqual(
    [...decodeNpy(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", big), 'a').data],
    [1.5],
  )
})

test('a mel is the same from .npy and from a legacy .pt; a transposed one is turned and said', async () => {
  const fromNpy = await readMel(golden('mel/LJ001-0008.tacotron2.npy'), 80)
  const fromTorch = await readMel(golden('mel/LJ001-0008.tacotron2.pt'), 80)
  assert.deepEqual(fromTorch, fromNpy)
  assert.equal(fromNpy.transposed, false)
  const turned = await readMel(golden('mel/LJ001-0008.tacotron2.npy'), fromNpy.mel.frames)
  assert.equal(turned.transposed, true)
  assert.equal(turned.mel.data[1], fromNpy.mel.data[fromNpy.mel.frames])
  await assert.rejects(readMel(golden('mel/LJ001-0008.tacotron2.npy'), 81), { code: 'BAD_MEL' })
})

const hostile: readonly (readonly [string, (bytes: Uint8Array) => unknown, Uint8Array, string, RegExp?])[] = [
  ['npy: empty', b => decodeNpy(b, 'x'), new Uint8Array(0), 'TRUNCATED'],
  ['npy: something else', b => decodeNpy(b, 'x'), ascii('RIFF....WAVE'), 'UNSUPPORTED_FORMAT'],
  [
    'npy: a header that lies about its size',
    b => decodeNpy(b, 'x'),
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (999999999, 999999), }", new Uint8Array(8)),
    'TRUNCATED',
  ],
  [
    'npy: more numbers than declared',
    b => decodeNpy(b, 'x'),
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", new Uint8Array(8)),
    'BAD_NPY',
  ],
  [
    'npy: objects',
    b => decodeNpy(b, 'x'),
    npy("{'descr': '|O8', 'fortran_order': False, 'shape': (1,), }", new Uint8Array(8)),
    'BAD_NPY',
  ],
  [
    'npy: a header of blanks',
    b => decodeNpy(b, 'x'),
    (() => {
      const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (1,)${' '.repeat(60_000)}x`
      return Uint8Array.from([0x93, ...ascii('NUMPY'), 1, 0, text.length & 255, text.length >> 8, ...ascii(text)])
    })(),
    'BAD_NPY',
  ],
  [
    'npy: a shape of a thousand axes',
    b => decodeNpy(b, 'x'),
    (() => {
      const text = `{'descr': '<f4', 'fortran_order': True, 'shape': (${'1,'.repeat(1000)}), }`
      return Uint8Array.from([0x93, ...ascii('NUMPY'), 1, 0, text.length & 255, text.length >> 8, ...ascii(text)])
    })(),
    'BAD_NPY',
  ],
  ['safetensors: a huge header', b => decodeSafetensors(b, 'x'), new Uint8Array(16).fill(255), 'BAD_SAFETENSORS'],
  [
    'safetensors: overlap',
    b => decodeSafetensors(b, 'x'),
    safetensors(
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      new Uint8Array(4),
    ),
    'BAD_SAFETENSORS',
  ],
  [
    'safetensors: a name twice',
    b => decodeSafetensors(b, 'x'),
    safetensors(
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      new Uint8Array(4),
    ),
    'BAD_SAFETENSORS',
  ],
  [
    'safetensors: cut off',
    b => decodeSafetensors(b, 'x'),
    safetensors('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', new Uint8Array(4)),
    'TRUNCATED',
  ],
  [
    'pickle: os.system',
    b => decodeTorch(b, 'x'),
    pickle(0x63, ...ascii('os\nsystem\n'), 0x58, 2, 0, 0, 0, ...ascii('ls'), 0x85, 0x52, 0x2e),
    'UNSAFE_PICKLE',
    /os\.system/,
  ],
  [
    'pickle: builtins.eval by name from the stack',
    b => decodeTorch(b, 'x'),
    pickle(0x8c, 8, ...ascii('builtins'), 0x8c, 4, ...ascii('eval'), 0x93, 0x2e),
    'UNSAFE_PICKLE',
    /builtins\.eval/,
  ],
  [
    'pickle: an instance',
    b => decodeTorch(b, 'x'),
    pickle(0x28, 0x69, ...ascii('os\nsystem\n'), 0x2e),
    'UNSAFE_PICKLE',
    /INST/,
  ],
  ['pickle: an unknown opcode', b => decodeTorch(b, 'x'), pickle(0xff), 'UNSAFE_PICKLE', /0xff/],
  ['pickle: no end', b => decodeTorch(b, 'x'), pickle(0x4e), 'TRUNCATED'],
  ['pickle: an empty stack', b => decodeTorch(b, 'x'), pickle(0x2e), 'BAD_CHECKPOINT'],
  ['pickle: not torch’s', b => decodeTorch(b, 'x'), pickle(0x4e, 0x2e), 'UNSUPPORTED_FORMAT'],
  [
    'pickle: a protocol that unfolds to 2^60 items when printed',
    b => decodeTorch(b, 'x'),
    // The magic number, then a list that holds a list twice, that holds a list twice, …
    Uint8Array.from([
      ...pickle(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e),
      ...pickle(0x29, ...Array.from({ length: 60 }, () => [0x32, 0x86]).flat(), 0x2e),
    ]),
    'BAD_CHECKPOINT',
  ],
  [
    'pickle: one list that becomes dictionary after dictionary',
    b => decodeTorch(b, 'x'),
    Uint8Array.from(
      [
        [0x80, 2, 0x63, ...ascii('collections\nOrderedDict\n'), 0x71, 0, 0x30, 0x5d, 0x28],
        ...Array.from({ length: 20_000 }, () => [0x4b, 0, 0x4b, 1, 0x86]),
        [0x65, 0x85, 0x71, 1],
        ...Array.from({ length: 20_000 }, () => [0x68, 0, 0x68, 1, 0x52, 0x30]),
      ].flat(),
    ),
    'TOO_LARGE',
  ],
  ['torch: text', b => decodeTorch(b, 'x'), ascii('hello, world'), 'UNSUPPORTED_FORMAT'],
  ['torch: a cut-off zip', b => decodeTorch(b, 'x'), Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), 'BAD_ZIP'],
]

for (const [name, decode, bytes, code, message] of hostile) {
  test(`refused: ${name}`, () => {
    assert.throws(() => decode(bytes), { name: 'DiffWaveError', code, ...(message === undefined ? {} : { message }) })
  })
}

test('refused: a state dict that names one storage a thousand times', () => {
  const checkpoint = decodeTorch(readFileSync(golden('philsyn-c8-l4-zip/1000.pkl')), 'x')
  assert.ok(checkpoint instanceof Map)
  const weights = checkpoint.get('model_state_dict')
  assert.ok(weights instanceof Map)
  const one = [...weights.values()][0]!
  const many = new Map(Array.from({ length: 1000 }, (_, i) => [`weight${i}`, one]))
  assert.throws(() => stateDict(many, 'x'), { name: 'DiffWaveError', code: 'TOO_LARGE' })
})

const files: readonly (readonly [string, (bytes: Uint8Array) => unknown])[] = [
  ['philsyn-c8-l4-zip/1000.pkl', bytes => decodeTorch(bytes, 'x')],
  ['philsyn-c8-l4-legacy/1000.pkl', bytes => decodeTorch(bytes, 'x')],
  ['philsyn-c8-l4-zip/golden.safetensors', bytes => decodeSafetensors(bytes, 'x')],
  ['mel/LJ001-0008.tacotron2.npy', bytes => decodeNpy(bytes, 'x')],
]

for (const [file, decode] of files) {
  test(`${file}: cut off anywhere it is refused, with bits flipped it is read or refused`, () => {
    const whole = new Uint8Array(readFileSync(golden(file)))
    const attempt = (bytes: Uint8Array) => {
      try {
        decode(bytes)
        return true
      } catch (error) {
        assert.ok(error instanceof DiffWaveError, `a foreign error: ${String(error)}`)
        return false
      }
    }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), length => {
        assert.equal(attempt(whole.slice(0, length)), false)
      }),
      { numRuns: 25, seed: 1 },
    )
    fc.assert(
      // The first bytes hold the structure; flips in the numbers behind change nothing but a number.
      fc.property(
        fc.integer({ min: 0, max: Math.min(whole.length, 20_000) - 1 }),
        fc.integer({ min: 0, max: 7 }),
        (at, bit) => {
          const bytes = whole.slice()
          bytes[at]! ^= 1 << bit
          attempt(bytes)
        },
      ),
      { numRuns: 60, seed: 2 },
    )
  })
}
