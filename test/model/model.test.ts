/** Models in files: imported checkpoints of the references, and this project's model folders. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Tensor } from '#src/core/tensor'
import { decodeSafetensors, encodeSafetensors } from '#src/formats/safetensors'
import { modelConfigSchema } from '#src/model/config'
import { readModelFolder, writeModelFolder } from '#src/model/folder'
import { melHop, networkSchema, upsamplerShape } from '#src/model/network'
import { checkParameters, parameterCount } from '#src/model/parameters'
import { readModel } from '#src/model/read-model'
import { stepSinusoids } from '#src/model/step-embedding'
import { initialParameters } from '#src/training/optimiser/initialise'
import { smallStepEmbedding } from '../support/configs.js'
import { relativeError } from '../support/numbers.js'
import { golden } from '../support/paths.js'

function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'diffwave-'))
  return work(folder).finally(() => rmSync(folder, { recursive: true }))
}

test('the published base network has 2.62 million parameters', () => {
  const network = networkSchema.parse({
    channels: 64,
    layers: 30,
    dilationCycle: 10,
    mel: { kind: 'transposed', bands: 80, strides: [16, 16] },
  })
  assert.equal(parameterCount(network), 2_619_971)
})

test('an upsampler gives one output sample per stride for odd and even strides', () => {
  for (const [strides, hop] of [
    [[10, 20], 200],
    [[16, 16], 256],
    [[11, 25], 275],
    [[15, 20], 300],
  ] as const) {
    assert.equal(melHop({ kind: 'transposed', bands: 80, strides: [...strides], sharing: 'shared' }), hop)
    for (const stride of strides) {
      const { kernel, padding } = upsamplerShape(stride)
      // (frames − 1) × stride − 2 × padding + kernel = frames × stride
      assert.equal(kernel - 2 * padding, stride)
    }
  }
})

test('the table of sinusoids equals the reference’s to 6e-8', () => {
  const path = golden('lmnt-conditional-c8-l6/network.safetensors')
  const table = decodeSafetensors(readFileSync(path), path).tensors.get('embedding.table')!
  const { stepEmbedding } = networkSchema.parse({ channels: 8, layers: 1, dilationCycle: 1 })
  const steps = Array.from({ length: 50 }, (_, i) => i)
  assert.ok(relativeError(stepSinusoids(stepEmbedding, steps), table.data) < 6e-8)
})

test('a checkpoint written as a model folder reads back the same', () =>
  inFolder(async folder => {
    for (const file of ['lmnt-conditional-c8-l6/weights.pt', 'philsyn-c8-l4-zip/1000.pkl']) {
      const { config, parameters } = await readModel(golden(file))
      await writeModelFolder(join(folder, 'model'), { config, parameters })
      assert.deepEqual(await readModelFolder(join(folder, 'model')), { config, parameters })
    }
  }))

test('a config with an unknown key or a wrong value is refused by name', () =>
  inFolder(async folder => {
    const { config, parameters } = await readModel(golden('lmnt-unconditional-c8-l6/weights.pt'))
    await writeModelFolder(folder, { config, parameters })
    const path = join(folder, 'config.json')
    const plain = JSON.parse(readFileSync(path, 'utf8'))
    for (const [change, message] of [
      [{ ...plain, network: { ...plain.network, chanels: 8 } }, /network\.chanels/],
      [{ ...plain, network: { ...plain.network, layers: 0 } }, /network\.layers/],
      [{ ...plain, kind: 'vocoder' }, /network\.mel/],
    ] as const) {
      writeFileSync(path, JSON.stringify(change))
      await assert.rejects(readModel(folder), { code: 'BAD_CONFIG', message })
    }
    writeFileSync(path, '{')
    await assert.rejects(readModel(folder), { code: 'BAD_CONFIG' })
    writeFileSync(path, JSON.stringify({ ...plain, network: { ...plain.network, channels: 16 } }))
    await assert.rejects(readModel(folder), { code: 'BAD_PARAMETERS' })
  }))

test('parameters that do not fit the network are refused by name', () => {
  const network = networkSchema.parse({ channels: 2, layers: 1, dilationCycle: 1, stepEmbedding: smallStepEmbedding })
  const good = initialParameters(network, 1)
  assert.deepEqual(checkParameters(network, good, 'here'), good)
  const name = 'skip_projection.bias'
  const zeros = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) })
  for (const [tensor, error] of [
    [undefined, { code: 'BAD_PARAMETERS', message: /skip_projection\.bias is missing/ }],
    [
      { shape: [2], data: new Float32Array(3) },
      { code: 'BAD_PARAMETERS', message: /is not a tensor/ },
    ],
    [zeros(3), { code: 'BAD_PARAMETERS', expected: '[2]', got: '[3]' }],
    // Its first sizes agree.
    [zeros(), { code: 'BAD_PARAMETERS', expected: '[2]', got: '[]' }],
    [
      { shape: [2], data: Float32Array.of(0, Number.NaN) },
      { code: 'NOT_FINITE', message: /skip_projection\.bias/ },
    ],
  ] as const) {
    const broken = new Map([...good, [name, tensor as unknown as Tensor]])
    assert.throws(() => checkParameters(network, broken, 'here'), { where: 'here', ...error })
  }
  const more = new Map([...good, ['other', zeros(1)]])
  assert.throws(() => checkParameters(network, more, 'here'), { code: 'BAD_PARAMETERS', message: /not have: other/ })
})

test('weights beside the config of another project are read as a checkpoint', () =>
  inFolder(async folder => {
    const { config, parameters } = await readModel(golden('lmnt-unconditional-c8-l6/weights.pt'))
    const path = join(folder, 'weights.safetensors')
    writeFileSync(path, encodeSafetensors(parameters))
    writeFileSync(join(folder, 'config.json'), '{ "model_type": "another" }')
    const read = await readModel(path)
    assert.equal(read.source, 'lmnt')
    assert.equal(read.config.network.layers, config.network.layers)
  }))

test('a philsyn checkpoint without its config needs options for missing facts', () =>
  inFolder(async folder => {
    const path = join(folder, '1000.pkl')
    writeFileSync(path, readFileSync(golden('philsyn-c8-l4-zip/1000.pkl')))
    await assert.rejects(readModel(path), { code: 'BAD_CHECKPOINT', hint: /dilation-cycle/ })
    const { config } = await readModel(path, { dilationCycle: 2, betaStart: 1e-4, betaEnd: 0.05 })
    assert.deepEqual(config, (await readModel(golden('philsyn-c8-l4-zip/1000.pkl'))).config)
  }))

test('a mel convention needs a network with a mel conditioner', () => {
  const { error } = modelConfigSchema.safeParse({
    format: 'diffwave',
    version: 1,
    kind: 'generator',
    sampleRate: 8000,
    network: { channels: 4, layers: 1, dilationCycle: 1 },
    mel: 'lmnt',
    diffusion: { training: { kind: 'linear', steps: 10, betaStart: 0.01, betaEnd: 0.2 } },
  })
  assert.match(error!.issues[0]!.message, /come together/)
})
