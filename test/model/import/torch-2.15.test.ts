/** One network in the formats of PyTorch 2.15 and Lightning 2.6: every file is read as the same network. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readModel } from '#src/model/read-model'
import { golden } from '../../support/paths.js'

const read = (name: string) => readModel(golden(`torch-2.15/${name}`))
const plain = await read('plain.pt')

describe('reads the network', () => {
  for (const [title, name] of [
    ['saved as bfloat16', 'bfloat16.pt'],
    ['saved as half precision', 'half.pt'],
    ['saved as bfloat16 in the legacy format', 'legacy-bfloat16.pt'],
    ['whose parameters are views of one storage', 'one-storage.pt'],
    ['compiled with torch.compile (_orig_mod.)', 'compiled.pt'],
    ['wrapped in DataParallel (module.)', 'parallel.pt'],
    ['beside an optimiser, a device, a path and a namespace', 'optimiser.pt'],
    ['saved by Lightning', 'lightning.ckpt'],
    ['saved in the legacy format', 'legacy.pt'],
    ['saved as an average alone (AveragedModel)', 'average-alone.pt'],
    ['in several safetensors files, by their index', 'sharded/model.safetensors.index.json'],
    ['in several files of torch.save, by their index', 'sharded/pytorch_model.bin.index.json'],
  ] as const) {
    test(title, async () => assert.deepEqual((await read(name)).parameters, plain.parameters))
  }
})

test('reads the network beside its moving average, and names the average in a note', async () => {
  const { parameters, notes } = await read('average.pt')
  assert.match(notes[0]!, /“model” was read; not read: ema/)
  const name = 'input_projection.bias'
  const shifted = plain.parameters.get(name)!.data.map(value => value + 1)
  assert.deepEqual(parameters.get(name)!.data, shifted)
})

test('reads the online model beside its ema_pytorch average, named in a note', async () => {
  const { parameters, notes } = await read('online-and-average.pt')
  assert.match(notes[0]!, /“ema.online_model” was read; not read: ema.ema_model/)
  assert.deepEqual(parameters, plain.parameters)
})

test('refuses a whole module, whose class would have to be imported', async () => {
  await assert.rejects(read('module.pt'), { code: 'UNSAFE_PICKLE', message: /__main__\.Net/ })
})
