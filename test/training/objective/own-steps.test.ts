/** Training on the network's own steps agrees with PyTorch. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Tensor } from '#src/core/tensor'
import type { ComputeTerms } from '#src/engines/loss-kernels'
import { createEngine } from '#src/engines/select'
import { decodeSafetensors } from '#src/formats/safetensors'
import { withCorrectionPasses } from '#src/model/correction'
import { readModel } from '#src/model/read-model'
import { Objective } from '#src/training/objective/objective'
import { relativeError } from '../../support/numbers.js'
import { golden } from '../../support/paths.js'

const folder = golden('pytorch-windows')
const { config, parameters } = await readModel(folder)
const { tensors } = decodeSafetensors(readFileSync(`${folder}/golden.safetensors`), folder)
const rows = ({ data, shape }: Tensor) => {
  const width = data.length / shape[0]!
  return Array.from({ length: shape[0]! }, (_, i) => data.slice(i * width, (i + 1) * width))
}
const of = (name: string) => rows(tensors.get(name)!)
const model = withCorrectionPasses(config, 1)
const objective = new Objective({
  loss: 'time-frequency',
  spectral: { weight: 0.02, windows: [256, 512] },
  noiseLevels: { kind: 'own', steps: 3, weights: [1, 0.5, 2] },
  model: { ...model, diffusion: { ...model.diffusion, noiseScale: 0.5 } },
})
const batch = {
  audio: of('noise'),
  target: of('clean'),
  clean: of('clean'),
  steps: [199, 199],
  mel: of('mel').map(data => ({ data, bands: 80, frames: data.length / 80 })),
  limits: Array.from(tensors.get('limits')!.data),
  levels: [0, 0],
  levelWeights: [1, 1],
  emphases: [null, null],
}
const voiced = of('voicing').map(voicing => Uint8Array.from(voicing, v => (v === 1 ? 1 : 0)))

describe('losses and gradients of own steps agree with PyTorch', () => {
  for (const [name, prefix, given] of [
    ['from noise', 'own', batch],
    ['from pulses aligned to the recording', 'recorded', { ...batch, voiced }],
  ] as const) {
    test(name, async () => {
      const engine = await createEngine(model.network, parameters, {}, model.mel)
      try {
        const { loss, clipLosses, gradients } = await objective.differentiate(engine, given)
        const expected = tensors.get(`${prefix}_losses`)!.data
        assert.ok(relativeError(clipLosses, expected) < 1e-4, `${clipLosses} and ${expected}`)
        assert.ok(Math.abs(loss / ((expected[0]! + expected[1]!) / 2) - 1) < 1e-4)
        assert.equal(gradients.size, parameters.size)
        for (const [parameter, gradient] of gradients) {
          const error = relativeError(gradient, tensors.get(`${prefix}_gradient.${parameter}`)!.data)
          assert.ok(error < 1e-3, `${parameter}: ${error}`)
        }
        assert.ok(relativeError(await objective.losses(engine, given), expected) < 1e-4)
      } finally {
        await engine.dispose()
      }
    })
  }
})

test('losses without gradients have the same bytes with the engine’s spectral kernels', async () => {
  const engine = await createEngine(model.network, parameters, { engine: 'native' }, model.mel)
  try {
    const predict: typeof engine.predict = request => engine.predict(request)
    let calls = 0
    const spectralTerms: ComputeTerms = terms => {
      calls++
      return engine.spectralTerms!(terms)
    }
    for (const given of [batch, { ...batch, voiced }]) {
      calls = 0
      const found = await objective.losses({ predict, spectralTerms }, given)
      assert.equal(calls, 3, 'once per step')
      assert.deepEqual(found, await objective.losses({ predict }, given))
    }
  } finally {
    await engine.dispose()
  }
})
