/** Pickles and PyTorch files: what is not plain data is refused by name, and nothing in a file runs or unfolds without bound. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeTorch, stateDict } from '#src/formats/pytorch'
import { ascii, pickle } from '../support/bytes.js'
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
  ['text', b => decodeTorch(b, 'x'), ascii('hello, world'), 'UNSUPPORTED_FORMAT'],
  ['a cut-off zip', b => decodeTorch(b, 'x'), Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), 'BAD_ZIP'],
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
