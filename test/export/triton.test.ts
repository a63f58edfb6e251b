/** Model repositories for Triton, and manifests for KServe. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { exportOnnx } from '#src/export/onnx/export-onnx'
import { exportTriton } from '#src/export/triton'
import { smallVocoder } from '../support/cli-inputs.js'
import { inRepository } from '../support/paths.js'
import { scratch } from '../support/process.js'

const { at, put } = scratch()
const text = (path: string) => readFileSync(path, 'utf8')

describe('a model repository for Triton', () => {
  test('declares the inputs and outputs of the export, without the batch axis', async () => {
    const { files, output, inputs, notes } = await exportTriton(smallVocoder, at('repository'))
    assert.equal(output, at('repository'))
    assert.deepEqual(files, [
      at('repository/diffwave/1/model.onnx'),
      at('repository/diffwave/config.pbtxt'),
      at('repository/inference-service.yaml'),
    ])
    assert.deepEqual(notes, [])
    assert.deepEqual(
      inputs.map(({ name }) => name),
      ['mel', 'noise'],
    )
    const config = text(files[1])
    assert.match(config, /^name: "diffwave"\nbackend: "onnxruntime"\nmax_batch_size: 8\n/)
    const ports = [...config.matchAll(/\{ name: "(\w+)" data_type: (TYPE_\w+) dims: \[ ([-\d, ]+) \] \}/g)]
    assert.deepEqual(
      ports.map(([, name, type, dims]) => [name, type, dims]),
      [
        ['mel', 'TYPE_FP32', '80, -1'],
        ['noise', 'TYPE_FP32', '6, -1'],
        ['audio', 'TYPE_FP32', '-1'],
      ],
    )
  })

  test('contains the file that exportOnnx writes', async () => {
    const options = { steps: 2, type: 'F16' } as const
    const { files } = await exportTriton(smallVocoder, at('same'), { ...options, name: 'voice-2', maxBatch: 3 })
    await exportOnnx(smallVocoder, at('same.onnx'), options)
    assert.equal(files[0], at('same/voice-2/1/model.onnx'))
    assert.deepEqual(readFileSync(files[0]), readFileSync(at('same.onnx')))
    assert.match(text(files[1]), /^name: "voice-2"\n.*\nmax_batch_size: 3\n/)
  })

  test('has a label, or the step of a denoiser, as one number per clip', async () => {
    const one = (name: string, type: string) =>
      new RegExp(`name: "${name}" data_type: ${type} dims: \\[ 1 \\] reshape: \\{ shape: \\[ \\] \\}`)
    const digits = await exportTriton(inRepository('models/digits'), at('generator'), { steps: 2 })
    assert.match(text(digits.files[1]), one('label', 'TYPE_INT64'))
    const denoiser = await exportTriton(smallVocoder, at('denoiser'), { part: 'denoiser' })
    assert.match(text(denoiser.files[1]), one('step', 'TYPE_FP32'))
  })
})

test('the manifest has the fields that KServe requires', async () => {
  const { files } = await exportTriton(smallVocoder, at('served'), { name: 'voice', storageUri: 's3://bucket/voices' })
  const lines = text(files[2]).split('\n')
  for (const line of [
    'apiVersion: serving.kserve.io/v1beta1',
    'kind: InferenceService',
    '  name: voice',
    '        name: onnx',
    '      runtime: kserve-tritonserver',
    '      storageUri: "s3://bucket/voices"',
  ]) {
    assert.ok(lines.includes(line), line)
  }
})

describe('exportTriton refuses', () => {
  test('names and addresses that are not valid on the server', async () => {
    for (const options of [
      { name: '' },
      { name: 'Voice' },
      { name: '2nd' },
      { name: 'voice-' },
      { name: '../voice' },
      { name: 'voice"\nbackend: "python' },
      { name: 'v'.repeat(64) },
      { maxBatch: 0 },
      { maxBatch: 1025 },
      { storageUri: 'models' },
      { storageUri: 's3://a b' },
      { storageUri: 's3://a\nkind: Secret' },
      { repository: 'x' },
    ]) {
      await assert.rejects(exportTriton(smallVocoder, at('refused'), options as never), {
        code: 'BAD_OPTION',
        message: new RegExp(Object.keys(options)[0]!),
      })
    }
    assert.ok(!existsSync(at('refused')))
  })

  test('a file in place of the folder, and an unknown model', async () => {
    await assert.rejects(exportTriton(smallVocoder, put('file', '')), { code: 'NOT_A_DIRECTORY' })
    await assert.rejects(exportTriton('spech', at('none')), { code: 'UNKNOWN_MODEL' })
    assert.ok(!existsSync(at('none')))
  })
})
