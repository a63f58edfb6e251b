/**
 * Pickles and PyTorch files: anything but plain data is refused by name, and nothing in a file runs or grows without
 * bound.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { zipSync } from 'fflate'
import { MAX_PICKLE_DEPTH, MAX_PICKLE_OBJECTS } from '#src/core/limits'
import { decodeTorch, stateDict } from '#src/formats/pytorch'
import { decodeTensorFile } from '#src/formats/tensor-file'
import { ascii, pickle } from '../support/bytes.js'
import { inCase } from '../support/in-case.js'
import { golden } from '../support/paths.js'

const hostile: readonly (readonly [string, (bytes: Uint8Array) => unknown, Uint8Array, string, RegExp?])[] = [
  [
    'os.system',
    b => decodeTorch(b, 'x'),
    pickle(0x63, ...ascii('os\nsystem\n'), 0x58, 2, 0, 0, 0, ...ascii('ls'), 0x85, 0x52, 0x2e),
    'UNSAFE_PICKLE',
    /os\.system/,
  ],
  [
    'builtins.eval by name from the stack',
    b => decodeTorch(b, 'x'),
    pickle(0x8c, 8, ...ascii('builtins'), 0x8c, 4, ...ascii('eval'), 0x93, 0x2e),
    'UNSAFE_PICKLE',
    /builtins\.eval/,
  ],
  [
    'an instance',
    b => decodeTorch(b, 'x'),
    pickle(0x28, 0x69, ...ascii('os\nsystem\n'), 0x2e),
    'UNSAFE_PICKLE',
    /INST/,
  ],
  ['an unknown opcode', b => decodeTorch(b, 'x'), pickle(0xff), 'UNSAFE_PICKLE', /0xff/],
  ['no end', b => decodeTorch(b, 'x'), pickle(0x4e), 'TRUNCATED'],
  ['an empty stack', b => decodeTorch(b, 'x'), pickle(0x2e), 'BAD_CHECKPOINT'],
  ['not torch’s', b => decodeTorch(b, 'x'), pickle(0x4e, 0x2e), 'UNSUPPORTED_FORMAT'],
  [
    'a protocol that unfolds to 2^60 items when printed',
    b => decodeTorch(b, 'x'),
    // The magic number, then a list that holds a list twice, that holds a list twice, …
    Uint8Array.from([
      ...pickle(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e),
      ...pickle(0x29, ...Array.from({ length: 60 }, () => [0x32, 0x86]).flat(), 0x2e),
    ]),
    'BAD_CHECKPOINT',
  ],
  [
    'one list that becomes dictionary after dictionary',
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
  [
    'one dictionary that becomes namespace after namespace',
    b => decodeTorch(b, 'x'),
    Uint8Array.from(
      [
        [0x80, 2, 0x63, ...ascii('argparse\nNamespace\n'), 0x71, 0, 0x30, 0x7d, 0x28],
        ...Array.from({ length: 20_000 }, (_, i) => [0x4a, i & 255, i >> 8, 0, 0, 0x4e]),
        [0x75, 0x71, 1],
        ...Array.from({ length: 200 }, () => [0x68, 0, 0x29, 0x52, 0x68, 1, 0x62, 0x30]),
      ].flat(),
    ),
    'TOO_LARGE',
  ],
  [
    'a path that is joined to twice its length again and again',
    b => decodeTorch(b, 'x'),
    pickle(
      ...[0x63, ...ascii('pathlib\nPosixPath\n'), 0x71, 0, 0x30, 0x58, 1, 0, 0, 0, ...ascii('a')],
      ...Array.from({ length: 27 }, () => [0x71, 1, 0x30, 0x68, 0, 0x68, 1, 0x68, 1, 0x86, 0x52]).flat(),
      0x2e,
    ),
    'TOO_LARGE',
  ],
  [
    'one text that becomes bytes after bytes',
    b => decodeTorch(b, 'x'),
    pickle(
      ...[0x63, ...ascii('_codecs\nencode\n'), 0x71, 0, 0x30, 0x58, 0, 4, 0, 0, ...ascii('a'.repeat(1024))],
      ...[0x58, 6, 0, 0, 0, ...ascii('latin1'), 0x86, 0x71, 1],
      ...Array.from({ length: 100 }, () => [0x68, 0, 0x68, 1, 0x52, 0x30]).flat(),
      0x2e,
    ),
    'TOO_LARGE',
  ],
  ['text', b => decodeTorch(b, 'x'), ascii('hello, world'), 'UNSUPPORTED_FORMAT'],
  ['a cut-off zip', b => decodeTorch(b, 'x'), Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), 'BAD_ZIP'],
]

test('refuses hostile and damaged files with a code', () => {
  for (const [name, decode, bytes, code, message] of hostile) {
    inCase(name, () => {
      assert.throws(() => decode(bytes), { name: 'DiffWaveError', code, ...(message === undefined ? {} : { message }) })
    })
  }
})

test('refuses a state dict that refers to one storage a thousand times', () => {
  const checkpoint = decodeTorch(readFileSync(golden('philsyn-c8-l4-zip/1000.pkl')), 'x')
  assert.ok(checkpoint instanceof Map)
  const weights = checkpoint.get('model_state_dict')
  assert.ok(weights instanceof Map)
  const one = [...weights.values()][0]!
  const many = new Map(Array.from({ length: 1000 }, (_, i) => [`weight${i}`, one]))
  assert.throws(() => stateDict(many, 'x'), { name: 'DiffWaveError', code: 'TOO_LARGE' })
})

/** A legacy PyTorch file whose object is made by some opcodes. */
function legacy(...object: number[]): Uint8Array {
  return Uint8Array.from([
    ...pickle(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e),
    ...pickle(0x4d, 0xe9, 0x03, 0x2e),
    ...pickle(0x7d, 0x58, 13, 0, 0, 0, ...ascii('little_endian'), 0x88, 0x73, 0x2e),
    ...pickle(...object, 0x2e),
    ...pickle(0x5d, 0x2e),
  ])
}

const text = (value: string) => [0x58, value.length, 0, 0, 0, ...ascii(value)]
const dtype = (kind: string, order: string) => [
  ...[0x63, ...ascii('numpy\ndtype\n'), ...text(kind), 0x89, 0x88, 0x87, 0x52],
  ...[0x28, 0x4b, 3, ...text(order), 0x4e, 0x4e, 0x4e, 0x74, 0x62],
]
const scalar = (module: string, kind: string, order: string, ...bytes: number[]) =>
  legacy(
    ...[0x63, ...ascii(`${module}\nscalar\n`), ...dtype(kind, order)],
    ...[0x43, bytes.length, ...bytes, 0x86, 0x52],
  )

test('reads numbers of NumPy beside the weights', () => {
  for (const [name, bytes, expected] of [
    ['a float64', scalar('numpy.core.multiarray', 'f8', '<', 0, 0, 0, 0, 0, 0, 0xf8, 0x3f), 1.5],
    ['a big-endian int32 of NumPy 2', scalar('numpy._core.multiarray', 'i4', '>', 0, 0, 1, 2), 258],
    ['a bool', scalar('numpy.core.multiarray', 'b1', '|', 1), true],
    ['an int64', scalar('numpy.core.multiarray', 'i8', '<', 0x40, 0x42, 0x0f, 0, 0, 0, 0, 0), 1_000_000],
  ] as const) {
    inCase(name, () => {
      assert.equal(decodeTorch(bytes, 'x'), expected)
    })
  }
})

test('reads bytes that protocol 2 writes as Latin-1 text', () => {
  const value = decodeTorch(
    legacy(
      ...[0x63, ...ascii('numpy.core.multiarray\nscalar\n'), ...dtype('f4', '<')],
      ...[0x63, ...ascii('_codecs\nencode\n'), 0x58, 5, 0, 0, 0, 0, 0, 0xc2, 0x80, 0x3f],
      ...[...text('latin1'), 0x86, 0x52, 0x86, 0x52],
    ),
    'x',
  )
  assert.equal(value, 1)
})

test('refuses a NumPy number of the wrong size', () => {
  const bytes = scalar('numpy.core.multiarray', 'f8', '<', 0, 0)
  assert.throws(() => decodeTorch(bytes, 'x'), { name: 'DiffWaveError', code: 'BAD_CHECKPOINT' })
})

test('finds no tensor in dictionaries nested thousands deep', () => {
  const deep = [
    ...Array.from({ length: 6_000 }, () => [0x7d, ...text('a')]).flat(),
    0x7d,
    ...new Array<number>(6_000).fill(0x73),
  ]
  assert.throws(() => decodeTensorFile(legacy(...deep), undefined, 'x'), { name: 'DiffWaveError', code: 'BAD_MEL' })
})

/** A zip file with one storage of four numbers. */
const withStorage = (opcodes: string) =>
  zipSync({ 'a/data.pkl': ascii(`${opcodes}.`), 'a/data/0': new Uint8Array(16) }, { level: 0 })
/** A tensor of that storage, whose shape is a list in memo 0. */
const TENSOR =
  'ctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI4\ntQI0\n]q\x00I4\na(I1\ntI00\nNtR'

test('a tensor keeps the shape that was checked when its list grows later', () => {
  const grown = withStorage(`${TENSOR}h\x00I1000000000\na0`)
  assert.deepEqual(decodeTensorFile(grown, undefined, 'x').shape, [4])
})

test('tensors in a dictionary with a name of thousands of characters are passed over', () => {
  const nested = (name: string) => decodeTensorFile(withStorage(`}V${name}\n}Va\n${TENSOR}ss`), undefined, 'x')
  assert.deepEqual(nested('b').shape, [4])
  assert.throws(() => nested('b'.repeat(3000)), { code: 'BAD_MEL', message: /no tensor/ })
})

test('reads a set as a list', () => {
  assert.deepEqual(decodeTorch(legacy(0x8f, 0x28, 0x4b, 1, 0x4b, 2, 0x90), 'x'), [1, 2])
})

test('names a Git LFS pointer and a web page in the hint', () => {
  for (const [name, content, hint] of [
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\n', /git lfs pull/],
    ['a web page', '<!DOCTYPE html><html></html>', /web page/],
  ] as const) {
    inCase(name, () => {
      assert.throws(() => decodeTorch(ascii(content), 'x'), { code: 'UNSUPPORTED_FORMAT', hint })
    })
  }
})

test('reads a negative number of one byte, and marks that are taken back', () => {
  const marks = Array.from({ length: 300 }, () => [0x28, 0x30]).flat()
  assert.equal(decodeTorch(legacy(...marks, 0x8a, 1, 0xff), 'x'), -1)
})

test('refuses big-endian files', () => {
  const zip = zipSync({ 'a/data.pkl': ascii('N.'), 'a/byteorder': ascii('big') }, { level: 0 })
  // The same opcodes as in `legacy`, with False for True.
  const old = legacy(0x4e).map((byte, i, all) => (byte === 0x88 && all[i + 1] === 0x73 ? 0x89 : byte))
  for (const bytes of [zip, old]) {
    assert.throws(() => decodeTorch(bytes, 'x'), { code: 'UNSUPPORTED_FORMAT', message: /big-endian/ })
  }
})

describe('a pickle is refused that has', () => {
  const storage = (count: number, view = 'N') => `(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI${count}\n${view}tQ`
  test('too much or malformed content', () => {
    for (const [title, opcodes, code, message] of [
      ['too many objects', 'N0'.repeat(MAX_PICKLE_OBJECTS + 1), 'TOO_LARGE', /too many objects/],
      ['too many values in its memo', `]${'\x94'.repeat(MAX_PICKLE_OBJECTS + 2)}`, 'TOO_LARGE', /memo/],
      [
        'a call with thousands of arguments, thousands of times',
        `(${'N'.repeat(3000)}tq\x000ctorch\ndevice\nq\x010${'h\x01h\x00R0'.repeat(3000)}N`,
        'TOO_LARGE',
        /text without end/,
      ],
      ['too many open marks', '('.repeat(MAX_PICKLE_DEPTH + 1), 'BAD_CHECKPOINT', /marks are open/],
      ['a key without a value', 'd(I1\nI2\nI3\nu'.replace('d', '(d'), 'BAD_CHECKPOINT', /other than a dictionary/],
      ['a storage of two sizes', `${storage(4)}0${storage(5)}`, 'BAD_CHECKPOINT', /declared in two ways/],
      ['a storage that is a view', storage(4, 'I1\n'), 'BAD_CHECKPOINT', /view of another/],
    ] as const) {
      inCase(title, () => {
        const bytes = zipSync({ 'a/data.pkl': Buffer.from(`${opcodes}.`, 'latin1') }, { level: 0 })
        assert.throws(() => decodeTorch(bytes, 'x'), { name: 'DiffWaveError', code, message })
      })
    }
  })

  test('a storage of another size than its numbers', () => {
    const [module, key] = [[0x63, ...ascii('torch\nFloatStorage\n')], text('0')]
    const object = legacy(0x28, ...text('storage'), ...module, ...key, ...text('cpu'), 0x4b, 1, 0x74, 0x51)
    const bytes = (count: number) =>
      Uint8Array.of(
        ...object.subarray(0, -pickle(0x5d, 0x2e).length),
        ...pickle(0x5d, ...key, 0x61, 0x2e),
        ...[count, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0],
      )
    decodeTorch(bytes(1), 'x')
    assert.throws(() => decodeTorch(bytes(2), 'x'), { code: 'BAD_CHECKPOINT', message: /has 2 numbers, not 1/ })
  })
})

describe('a value beside the weights in a pickle', () => {
  const read = (pickle: string) =>
    decodeTorch(
      zipSync({ 'a/data.pkl': Buffer.from(`(dVbeside\n${pickle}sVstep\nI3\ns.`, 'latin1') }, { level: 0 }),
      'x',
    )
  test('is read as plain data, or skipped', () => {
    for (const [title, pickle, value] of [
      ['a date', 'cdatetime\ndate\n(I2024\nI1\nI2\ntR', []],
      ['a span of time', 'cdatetime\ntimedelta\n(I1\nI2\nI3\ntR', []],
      ['a complex number', 'c__builtin__\ncomplex\n(I1\nI2\ntR', []],
      ['a slice', 'cbuiltins\nslice\n(I1\nI2\nNtR', []],
      ['a queue', 'ccollections\ndeque\n(tR(I1\nI2\ne', [1, 2]],
      ['a namespace', 'ctypes\nSimpleNamespace\n(tR(dVa\nI1\nsb', new Map([['a', 1]])],
      ['an EasyDict', 'ceasydict\nEasyDict\n(tR(Va\nI1\nu(dVa\nI1\nsb', new Map([['a', 1]])],
    ] as const) {
      inCase(title, () => {
        const found = read(pickle) as ReadonlyMap<string, unknown>
        const beside = found.get('beside')
        assert.deepEqual(beside instanceof Map ? new Map(beside) : beside, value)
        assert.equal(found.get('step'), 3)
      })
    }
  })

  test('of an unknown class is refused, and the hint says what to save', () => {
    assert.throws(() => read('ctrainer\nState\n(tR'), { code: 'UNSAFE_PICKLE', hint: /network\.state_dict\(\)/ })
  })

  test('of a TorchScript class is refused, and the hint loads the file with torch.jit', () => {
    const compiled = 'c__torch__.model\nDiffWave\n(tR'
    assert.throws(() => read(compiled), { code: 'UNSAFE_PICKLE', hint: /torch\.jit\.load\(path\)\.state_dict\(\)/ })
  })
})
