/** Files written for `torch.load` are read by this package, and by PyTorch if it is installed. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeTorch, torchTensor } from '#src/formats/pytorch'
import { encodeTorch, type TorchInput } from '#src/formats/pytorch-writer'
import { TorchTensor } from '#src/formats/torch-pickle'
import { pytorch } from '../interop/torch.js'
import { scratch } from '../support/process.js'

const python = await pytorch(['torch'])
const files = scratch()
const tensor = (shape: readonly number[], ...data: number[]) => ({ shape, data: Float32Array.from(data) })

describe('encodeTorch', () => {
  test('writes plain data of any kind so that it can be read back', () => {
    const value = fc.letrec<{ value: TorchInput }>(tie => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constant(null),
        fc.boolean(),
        fc.integer(),
        fc.maxSafeInteger(),
        fc.double({ noNaN: true }),
        fc.string({ unit: 'binary' }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 4 }).map(entries => new Map(entries)),
      ),
    })).value
    fc.assert(
      fc.property(value, input => assert.deepEqual(decodeTorch(encodeTorch(input), 'x'), input)),
      {
        numRuns: 30,
      },
    )
  })

  test('writes tensors of any shape', () => {
    for (const shape of [[], [0], [3], [2, 3], [1, 2, 3]]) {
      const count = shape.reduce((product, size) => product * size, 1)
      const written = tensor(shape, ...Array.from({ length: count }, (_, i) => i / 2))
      const read = decodeTorch(encodeTorch(new Map([['a', written]])), 'x')
      const found = read instanceof Map ? read.get('a') : null
      assert.ok(found instanceof TorchTensor)
      assert.deepEqual(torchTensor(found), written)
    }
  })

  test('writes half precision and bfloat16, and names a number that overflows them', () => {
    for (const type of ['F16', 'BF16'] as const) {
      const read = decodeTorch(encodeTorch(tensor([2], 1.5, -0.25), type), 'x')
      assert.ok(read instanceof TorchTensor)
      assert.deepEqual([...torchTensor(read).data], [1.5, -0.25])
    }
    assert.throws(() => encodeTorch(new Map([['a', tensor([1], 1e6)]]), 'F16'), {
      code: 'NOT_FINITE',
      message: /\(a\)/,
    })
  })

  test('writes the same bytes for the same value, aligned as PyTorch aligns them', () => {
    const bytes = encodeTorch(new Map([['a', tensor([2], 1, 2)]]))
    assert.deepEqual(encodeTorch(new Map([['a', tensor([2], 1, 2)]])), bytes)
    const at = Buffer.from(bytes).indexOf(new Uint8Array(Float32Array.of(1, 2).buffer))
    assert.equal(at % 64, 0)
  })
})

test('torch.load reads the file with weights_only', { skip: python.skip }, async () => {
  const path = files.put(
    'x.pt',
    encodeTorch(
      new Map<string, TorchInput>([
        ['a', tensor([2, 2], 1, 2, 3, 4)],
        ['n', 7],
      ]),
    ),
  )
  const program = `
import sys, inspect, torch
safe = {'weights_only': True} if 'weights_only' in inspect.signature(torch.load).parameters else {}
value = torch.load(sys.argv[1], **safe)
assert value['n'] == 7 and value['a'].tolist() == [[1, 2], [3, 4]] and value['a'].dtype == torch.float32
`
  const { status, stderr } = await python.evaluate(program, [path])
  assert.equal(status, 0, stderr)
})
