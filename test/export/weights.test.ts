/** Exports of weights: an import restores the model, and the code of other projects can load them. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import type { Tensors } from '#src/core/tensor'
import { createEngine } from '#src/engines/select'
import { exportOnnx } from '#src/export/onnx/export-onnx'
import { exportPyTorch } from '#src/export/pytorch'
import { exportSafetensors } from '#src/export/safetensors'
import { decodeTorch } from '#src/formats/pytorch'
import { decodeSafetensors, encodeSafetensors } from '#src/formats/safetensors'
import { EMBEDDED_CONFIG } from '#src/model/import/embedded-config'
import { readModel } from '#src/model/read-model'
import { stepSinusoids } from '#src/model/step-embedding'
import { pytorch } from '../interop/torch.js'
import { smallVocoderConfig } from '../support/configs.js'
import { relativeError } from '../support/numbers.js'
import { randomParameters } from '../support/parameters.js'
import { golden, inRepository } from '../support/paths.js'
import { scratch } from '../support/process.js'

const python = await pytorch(['torch'])
const files = scratch()
const LMNT = golden('lmnt-conditional-c8-l6/weights.pt')
const UNCONDITIONAL = golden('lmnt-unconditional-c8-l6/weights.pt')
const PHILSYN = golden('philsyn-c8-l4-zip/1000.pkl')
const SPEECH = inRepository('models/speech')
/** A folder of a model with a windowed front end. */
const WINDOWS = golden('pytorch-windows')

/** A vocoder of neither project's shape, with weights of float32. */
const patches = smallVocoderConfig({
  network: {
    channels: 12,
    layers: 4,
    dilationCycle: 2,
    patch: 8,
    stepEmbedding: { frequencies: 'inverse', fractional: 'direct', size: 16, hidden: 16 },
    gate: 'sigmoid-tanh',
    residual: 'before-step',
    mel: { kind: 'frame-rate', bands: 80, hop: 256, encoder: [10] },
  },
  mel: 'tacotron2',
})
const PATCHES = { config: patches, parameters: randomParameters(patches.network, 4) }

function relativeChange(parameters: Tensors, original: Tensors): number {
  return Math.max(...[...original].map(([name, { data }]) => relativeError(parameters.get(name)!.data, data)))
}

describe('importing an export restores the model', () => {
  for (const [title, source] of [
    ['lmnt-com/diffwave’s', LMNT],
    ['lmnt-com/diffwave’s without a mel', UNCONDITIONAL],
    ['philsyn’s', PHILSYN],
    ['speech', SPEECH],
  ] as const) {
    test(`${title}: config and weights, bit for bit`, async () => {
      const { config, parameters } = await readModel(source)
      for (const [write, name] of [
        [exportSafetensors, 'model.safetensors'],
        [exportPyTorch, 'model.pt'],
      ] as const) {
        await write(source, files.at(name))
        const read = await readModel(files.at(name))
        assert.deepEqual(read.config, config)
        assert.deepEqual(read.parameters, parameters)
        assert.equal(read.source, 'export')
      }
    })
  }

  test('in half precision and bfloat16, to within rounding', async () => {
    const { parameters } = PATCHES
    for (const [type, tolerance] of [
      ['F16', 2 ** -11],
      ['BF16', 2 ** -8],
    ] as const) {
      for (const [write, name] of [
        [exportSafetensors, 'half.safetensors'],
        [exportPyTorch, 'half.pt'],
      ] as const) {
        await write(PATCHES, files.at(name), { type })
        const change = relativeChange((await readModel(files.at(name))).parameters, parameters)
        assert.ok(change > 0 && change < tolerance, `${type}: ${change}`)
      }
    }
  })

  test('with the same bytes for a model in memory as for its folder', async () => {
    const { config, parameters } = await readModel(WINDOWS)
    await exportSafetensors(WINDOWS, files.at('folder.safetensors'))
    await exportSafetensors({ config, parameters }, files.at('memory.safetensors'))
    const bytes = readFileSync(files.at('memory.safetensors'))
    assert.deepEqual(bytes, readFileSync(files.at('folder.safetensors')))
    // Loaders of Hugging Face refuse a file that does not say so.
    assert.equal(decodeSafetensors(bytes, 'memory').metadata.get('format'), 'pt')
  })
})

test('no export writes a file once its signal has fired', async () => {
  for (const [write, name] of [
    [exportSafetensors, 'stopped.safetensors'],
    [exportPyTorch, 'stopped.pt'],
    [exportOnnx, 'stopped.onnx'],
  ] as const) {
    const stop = new AbortController()
    const written = write(WINDOWS, files.at(name), { signal: stop.signal })
    stop.abort()
    await assert.rejects(written, { code: 'ABORTED' })
    assert.ok(!existsSync(files.at(name)))
  }
})

describe('exportPyTorch', () => {
  const keys = (path: string, dictionary: string) => {
    const root = decodeTorch(readFileSync(path), path)
    assert.ok(root instanceof Map)
    const state = root.get(dictionary)
    assert.ok(state instanceof Map)
    return [...state].map(([name, value]) => [name, (value as { shape: readonly number[] }).shape] as const)
  }
  const sorted = (names: readonly (readonly [unknown, readonly number[]])[]) => names.map(String).sort()

  test('writes the state dict and params of lmnt-com/diffwave', async () => {
    const { project, notes } = await exportPyTorch(LMNT, files.at('lmnt.pt'))
    assert.deepEqual([project, notes], ['lmnt', []])
    assert.deepEqual(sorted(keys(files.at('lmnt.pt'), 'model')), sorted(keys(LMNT, 'model')))
    const params = (path: string) =>
      (decodeTorch(readFileSync(path), path) as Map<string, Map<string, unknown>>).get('params')!
    const [own, written] = [params(LMNT), params(files.at('lmnt.pt'))]
    assert.ok(written.size > 0)
    for (const [name, value] of written) assert.deepEqual(value, own.get(name), name)
  })

  test('writes the state dict of philsyn, including weight norm', async () => {
    const { project, notes } = await exportPyTorch(PHILSYN, files.at('philsyn.pkl'))
    assert.equal(project, 'philsyn')
    assert.match(notes[0]!, /num_res_layers 4, dilation_cycle 2, T 50/)
    const state = 'model_state_dict'
    assert.deepEqual(sorted(keys(files.at('philsyn.pkl'), state)), sorted(keys(PHILSYN, state)))
  })

  test('writes any other network for interop/pytorch, and notes the reason', async () => {
    for (const [source, reason] of [
      [PATCHES, /patch 8/],
      [WINDOWS, /windowed front end/],
    ] as const) {
      const { project, notes } = await exportPyTorch(source, files.at('own.pt'))
      assert.equal(project, 'diffwave')
      assert.match(notes[0]!, reason)
    }
  })

  test('writes a file that interop/pytorch loads, and that computes the same output', {
    skip: python.skip,
  }, async () => {
    await exportPyTorch(PATCHES, files.at('patches.pt'))
    const { config, parameters } = PATCHES
    const { network } = config
    const frames = 5
    const mel = { data: gaussian(1, 0, 0, 80 * frames), bands: 80, frames }
    const audio = gaussian(1, 1, 0, frames * 256)
    const inputs = new Map([
      ['audio', { shape: [1, audio.length], data: audio }],
      ['mel', { shape: [1, 80, frames], data: mel.data }],
      ['sinusoids', { shape: [1, network.stepEmbedding.size], data: stepSinusoids(network.stepEmbedding, [12.5]) }],
    ])
    const program = `
import json, sys, torch
from diffwave_torch.network import Network
from diffwave_torch.safetensors import read_safetensors, write_safetensors
checkpoint = torch.load(sys.argv[1])
network = Network(json.loads(checkpoint['${EMBEDDED_CONFIG}'])['network'])
network.load_state_dict(checkpoint['model'])
batch = read_safetensors(sys.argv[2])[0]
with torch.no_grad():
    write_safetensors(sys.argv[3], {'out': network(batch['audio'], batch['sinusoids'], batch['mel'])})
`
    const input = files.put('in', encodeSafetensors(inputs))
    const { status, stderr } = await python.evaluate(program, [files.at('patches.pt'), input, files.at('out')])
    assert.equal(status, 0, stderr)
    const engine = await createEngine(network, parameters, { threads: 1 })
    const [expected] = await engine.predict({ audio: [audio], steps: [12.5], mel: [mel] })
    await engine.dispose()
    const { data } = decodeSafetensors(readFileSync(files.at('out')), 'PyTorch').tensors.get('out')!
    assert.ok(relativeError(data, expected!) < 1e-5, String(relativeError(data, expected!)))
  })
})

describe('an export or import refuses', () => {
  test('a value that is not a model, and an unknown option, type or name', async () => {
    const out = files.at('x')
    await assert.rejects(exportSafetensors({} as never, out), { code: 'BAD_OPTION', message: /not a model/ })
    await assert.rejects(exportSafetensors(null as never, out), { code: 'BAD_OPTION', message: /not a model/ })
    await assert.rejects(exportPyTorch(SPEECH, out, { half: true } as never), { code: 'BAD_OPTION', message: /half/ })
    await assert.rejects(exportPyTorch(SPEECH, out, { type: 'F8' as never }), { code: 'BAD_OPTION' })
    await assert.rejects(exportPyTorch('spech', out), { code: 'UNKNOWN_MODEL', hint: /speech/ })
    await assert.rejects(exportSafetensors(SPEECH, ''), { code: 'BAD_OPTION' })
  })

  test('checkpoint options for an export, which contains its config', async () => {
    await exportSafetensors(LMNT, files.at('stated.safetensors'))
    await assert.rejects(readModel(files.at('stated.safetensors'), { dilationCycle: 3 }), {
      code: 'BAD_OPTION',
      message: /dilationCycle/,
    })
  })

  test('a file whose config is invalid or belongs to another network', async () => {
    const { parameters } = await readModel(LMNT)
    const { config } = await readModel(UNCONDITIONAL)
    for (const [text, code] of [
      ['{', 'BAD_CONFIG'],
      ['{"format":"diffwave"}', 'BAD_CONFIG'],
      [JSON.stringify(config), 'BAD_PARAMETERS'],
      [' '.repeat(4_000_001), 'TOO_LARGE'],
    ] as const) {
      const path = files.put('bad.safetensors', encodeSafetensors(parameters, new Map([[EMBEDDED_CONFIG, text]])))
      await assert.rejects(readModel(path), { code })
    }
  })

  test('a weight beyond half precision, by its name', async () => {
    const { config, parameters } = await readModel(WINDOWS)
    const name = 'skip_projection.bias'
    const { shape, data } = parameters.get(name)!
    const large = new Map(parameters).set(name, { shape, data: data.map(() => 1e5) })
    await assert.rejects(exportSafetensors({ config, parameters: large }, files.at('x'), { type: 'F16' }), {
      code: 'NOT_FINITE',
      message: /skip_projection\.bias/,
    })
  })
})
