/** Networks are found in checkpoints, however trainers wrap them. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Tensor } from '#src/core/tensor'
import { decodeTorch } from '#src/formats/pytorch'
import { encodeSafetensors } from '#src/formats/safetensors'
import type { TorchValue } from '#src/formats/torch-pickle'
import { findNetwork, networkOfTensors } from '#src/model/import/state-dict'
import { type ReadModel, readModel } from '#src/model/read-model'
import { inCase } from '../../support/in-case.js'
import { golden, inRepository } from '../../support/paths.js'

const LMNT = golden('lmnt-conditional-c8-l6/weights.pt')
const checkpoint = decodeTorch(readFileSync(LMNT), LMNT) as ReadonlyMap<TorchValue, TorchValue>
const network = checkpoint.get('model') as ReadonlyMap<TorchValue, TorchValue>

function withPrefix(prefix: string): Map<TorchValue, TorchValue> {
  return new Map([...network].map(([name, value]) => [prefix + String(name), value]))
}

describe('findNetwork finds a network', () => {
  const plain = findNetwork(network as TorchValue, 'plain')!.tensors
  const wrappings: Readonly<Record<string, TorchValue>> = {
    bare: network as TorchValue,
    'under model': new Map([['model', network as TorchValue]]),
    'under model_state_dict': new Map([['model_state_dict', network as TorchValue]]),
    'as Lightning saves it': new Map<TorchValue, TorchValue>([
      ['epoch', 3],
      ['state_dict', withPrefix('generator.')],
    ]),
    'with the prefix of DistributedDataParallel': new Map([['model', withPrefix('module.')]]),
    'with the prefix of torch.compile': withPrefix('_orig_mod.'),
    'with both prefixes': withPrefix('module._orig_mod.'),
    'two levels down': new Map([['ckpt', new Map([['net', network as TorchValue]])]]),
    'beside values that are not tensors': new Map<TorchValue, TorchValue>([...network, ['loss', 0.5], ['name', 'run']]),
  }
  test('however it is wrapped', () => {
    for (const [title, value] of Object.entries(wrappings)) {
      inCase(title, () => {
        const found = findNetwork(value, title)!
        assert.equal(found.project, 'lmnt')
        assert.deepEqual(found.tensors, plain)
      })
    }
  })

  test('beside its average, and names the average in a note', () => {
    const found = findNetwork(
      new Map([
        ['ema', withPrefix('')],
        ['model', withPrefix('')],
      ]),
      'both',
    )!
    assert.match(found.notes[0]!, /“model” was read; not read: ema/)
  })

  test('in a dictionary that lies in many places, which is searched once', () => {
    let searches = 0
    class Counted extends Map<TorchValue, TorchValue> {
      override keys() {
        searches++
        return super.keys()
      }
    }
    const one = new Counted(withPrefix(''))
    const found = findNetwork(
      new Map<TorchValue, TorchValue>([
        ['all', Array(1000).fill(one)],
        ['model', one],
      ]),
      'x',
    )!
    assert.deepEqual([found.tensors, found.notes], [plain, []])
    assert.ok(searches < 5, String(searches))
  })

  test('among hundreds with names of any length, and names some of them in short', () => {
    const many = Array.from({ length: 300 }, (_, i): [string, TorchValue] => [`${i}`.repeat(1e4), withPrefix('')])
    const { notes } = findNetwork(new Map(many), 'x')!
    assert.match(notes[0]!, /, ….$/)
    assert.ok(notes[0]!.length < 5000)
  })

  test('only in a dictionary with its names', () => {
    assert.equal(
      findNetwork(new Map([['model', new Map([['weight', network.get('input_projection.weight')!]])]]), 'x'),
      null,
    )
    assert.equal(findNetwork(7, 'x'), null)
  })
})

describe('the importer folds weight norm: w = g · v/‖v‖ per output', () => {
  const v: Tensor = { shape: [2, 2, 1], data: Float32Array.of(3, 4, 0, 2) }
  const g: Tensor = { shape: [2, 1, 1], data: Float32Array.of(10, 3) }
  const marker: [string, Tensor] = ['residual_layer.residual_blocks.0.fc_t.weight', v]
  for (const [title, direction, length] of [
    ['weight_g and weight_v', 'a.weight_v', 'a.weight_g'],
    ['parametrizations', 'a.parametrizations.weight.original1', 'a.parametrizations.weight.original0'],
  ] as const) {
    test(`from ${title}`, () => {
      const found = networkOfTensors(new Map([marker, [direction, v], [length, g]]), title)!
      assert.deepEqual([...found.tensors.get('a.weight')!.data], [6, 8, 0, 3])
      assert.equal(found.tensors.size, 2)
    })
  }

  test('and refuses a weight_v without weight_g by name', () => {
    assert.throws(() => networkOfTensors(new Map([marker, ['a.weight_v', v]]), 'x'), {
      code: 'BAD_CHECKPOINT',
      message: /a\.weight_v has no weight_g/,
    })
  })
})

describe('a fact that a checkpoint does not state', () => {
  let folder = ''
  let bare = ''
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'diffwave-hints-'))
    bare = join(folder, 'bare.safetensors')
    writeFileSync(bare, encodeSafetensors((await readModel(LMNT)).parameters))
  })
  after(() => rmSync(folder, { recursive: true }))

  const facts = ({ config }: ReadModel) => [config.network.dilationCycle, config.diffusion.training, config.mel?.name]

  test('gets the reference’s default, and a note says so', async () => {
    const model = await readModel(bare)
    assert.deepEqual(facts(model), [10, { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 }, 'lmnt'])
    assert.match(model.notes[0]!, /sample rate 22050 Hz, dilation cycle 10, noise schedule .*, mel convention lmnt/)
  })

  test('is taken from the options, which also override what a checkpoint states', async () => {
    const hints = { dilationCycle: 3, diffusionSteps: 200, betaEnd: 0.02, convention: 'tacotron2' } as const
    const expected = [3, { kind: 'linear', steps: 200, betaStart: 1e-4, betaEnd: 0.02 }, 'tacotron2']
    assert.deepEqual(facts(await readModel(bare, hints)), expected)
    assert.deepEqual(facts(await readModel(LMNT, hints)), expected)
  })

  test('is taken from the options for philsyn’s checkpoints, too', async () => {
    const { config } = await readModel(golden('philsyn-c8-l4-zip/1000.pkl'), { betaEnd: 0.07, diffusionSteps: 100 })
    assert.deepEqual(config.diffusion.training, { kind: 'linear', steps: 100, betaStart: 1e-4, betaEnd: 0.07 })
  })

  test('is noted only if there is one', async () => {
    assert.deepEqual((await readModel(LMNT)).notes, [])
  })

  test('must not contradict another fact or the network', async () => {
    const philsyn = golden('philsyn-c8-l4-zip/1000.pkl')
    for (const path of [bare, LMNT, philsyn]) {
      await assert.rejects(readModel(path, { sampleRate: 24_000, convention: 'tacotron2' }), {
        code: 'BAD_OPTION',
        message: /sample rate .* tacotron2/,
        expected: '22050 Hz',
        got: '24000 Hz',
      })
      await assert.rejects(readModel(path, { convention: 'amphion' }), {
        code: 'BAD_OPTION',
        message: /does not take mels of the convention amphion/,
        expected: /80 bands/,
      })
      const { config } = await readModel(path, { sampleRate: 24_000 })
      assert.deepEqual([config.sampleRate, config.mel?.sampleRate], [24_000, 24_000])
    }
    const generator = golden('lmnt-unconditional-c8-l6/weights.pt')
    await assert.rejects(readModel(generator, { convention: 'lmnt' }), { code: 'BAD_OPTION', message: /no mel/ })
    assert.equal((await readModel(generator, { sampleRate: 24_000 })).config.sampleRate, 24_000)
  })

  test('may give a falling noise schedule, which gets a note', async () => {
    const { notes } = await readModel(LMNT, { betaStart: 0.05, betaEnd: 1e-4 })
    assert.match(notes[0]!, /falls, from β 0\.05 to 0\.0001/)
  })

  test('cannot be given for a model folder', async () => {
    await assert.rejects(readModel(inRepository('models/lmnt-speech'), { dilationCycle: 3 }), {
      code: 'BAD_OPTION',
      message: /dilationCycle/,
    })
  })

  test('is read from the config beside an Amphion checkpoint', async () => {
    const path = join(folder, 'model.safetensors')
    copyFileSync(bare, path)
    const preprocess = {
      n_mel: 80,
      win_size: 1024,
      hop_size: 256,
      sample_rate: 24000,
      n_fft: 1024,
      fmin: 0,
      fmax: 12000,
    }
    const diffwave = {
      dilation_cycle_length: 3,
      noise_schedule_factors: [1e-4, 0.05, 50],
      inference_noise_schedule: [1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5],
    }
    writeFileSync(join(folder, 'args.json'), JSON.stringify({ preprocess, model: { diffwave } }))
    try {
      const { config, notes } = await readModel(path)
      assert.equal(config.sampleRate, 24000)
      assert.equal(config.network.dilationCycle, 3)
      assert.deepEqual([config.mel?.name, config.mel?.framing, config.mel?.maxFrequency], ['amphion', 'edge', 12000])
      assert.deepEqual(notes, [])
    } finally {
      rmSync(join(folder, 'args.json'))
    }
  })
})

test('refuses a checkpoint of no known project', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'diffwave-unknown-'))
  try {
    const path = join(folder, 'x.safetensors')
    writeFileSync(path, encodeSafetensors(new Map([['weight', { shape: [1], data: Float32Array.of(1) }]])))
    await assert.rejects(readModel(path), { code: 'UNSUPPORTED_FORMAT', message: /not of a known project/ })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('findNetwork also searches lists, and five levels of dictionaries', () => {
  const path = golden('lmnt-conditional-c8-l6/weights.pt')
  const value = decodeTorch(readFileSync(path), path)
  const expected = findNetwork(value, path)!
  const deep = ['a', 'b', 'c', 'd'].reduce<TorchValue>((inner, name) => new Map([[name, inner]]), value)
  for (const root of [[value, 3], [[7], [value]], deep]) {
    assert.deepEqual(findNetwork(root as TorchValue, path)?.tensors, expected.tensors)
  }
})
