import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import type { Tensors } from '#src/core/tensor'
import type { Engine } from '#src/engines/engine'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import type { InstructionSet } from '#src/engines/native/instruction-sets'
import { createEngine } from '#src/engines/select'
import { type NetworkConfig, networkSchema } from '#src/model/network'
import { smallStepEmbedding } from '../../support/configs.js'
import { relativeError } from '../../support/numbers.js'
import { randomParameters } from '../../support/parameters.js'
import { conformance } from '../conformance.js'

/**
 * bfloat16 has 8 bits, so each factor of a product is off by 2⁻⁹ (0.002) of itself at most. Errors of random signs
 * leave a sum about as accurate as its terms; the Winograd transforms and the layers behind each other multiply that by
 * a few. Measured on the networks of this repository: 0.0007 to 0.009.
 */
const TOLERANCE = 0.02

const { available, instructionSets, fastSets } = surveyNative()
const others = instructionSets.filter(name => name !== 'scalar' && !fastSets.includes(name))

for (const instructionSet of fastSets) {
  conformance(
    `native:${instructionSet}, precision fast`,
    (network, parameters, convention = null) =>
      createNativeEngine({ network, parameters, convention, instructionSet, precision: 'fast' }),
    { tolerance: TOLERANCE },
  )
}

const networks = {
  'small and large dilations, an upsampled mel': networkSchema.parse({
    stepEmbedding: smallStepEmbedding,
    channels: 20,
    layers: 8,
    dilationCycle: 8,
    mel: { kind: 'transposed', bands: 7, strides: [8, 8] },
  }),
  'odd channels, a mel at the rate of frames': networkSchema.parse({
    stepEmbedding: smallStepEmbedding,
    channels: 51,
    layers: 5,
    dilationCycle: 3,
    patch: 2,
    mel: { kind: 'frame-rate', bands: 8, hop: 64, encoder: [12] },
  }),
}
const bands = (network: NetworkConfig) => network.mel!.bands
const audio = gaussian(2, 0, 0, 64 * 40)
const melOf = (network: NetworkConfig) => ({
  data: gaussian(3, 0, 0, bands(network) * 40),
  bands: bands(network),
  frames: 40,
})

/** ε of one clip, from an engine that is disposed of. */
async function predicted(engine: Engine): Promise<Float32Array> {
  const [noise] = await engine.predict({ audio: [audio], steps: [3], mel: [melOf(engine.network)] })
  await engine.dispose()
  return noise!
}

type Settings = Partial<Parameters<typeof createNativeEngine>[0]>
const parametersOf = (network: NetworkConfig): Tensors => randomParameters(network, 4)
const noiseOf = async (network: NetworkConfig, settings: Settings) =>
  predicted(await createNativeEngine({ network, parameters: parametersOf(network), ...settings }))

describe('precision fast', { skip: !available }, () => {
  for (const [name, network] of Object.entries(networks)) {
    for (const instructionSet of fastSets) {
      test(`${instructionSet}, ${name}: is close to exact, but not equal`, async () => {
        const exact = await noiseOf(network, { instructionSet })
        const fast = await noiseOf(network, { instructionSet, precision: 'fast' })
        const error = relativeError(fast, exact)
        assert.ok(error > 1e-5 && error < TOLERANCE, String(error))
      })

      test(`${instructionSet}, ${name}: gives the same bytes for any number of threads`, async () => {
        const settings = { instructionSet, precision: 'fast' } as const
        const one = await noiseOf(network, { ...settings, threads: 1 })
        for (const threads of [2, 5]) assert.deepEqual(await noiseOf(network, { ...settings, threads }), one)
      })
    }

    for (const instructionSet of others) {
      test(`${instructionSet}, ${name}: has no effect without bfloat16`, async () => {
        const exact = await noiseOf(network, { instructionSet })
        assert.deepEqual(await noiseOf(network, { instructionSet, precision: 'fast' }), exact)
      })
    }
  }

  test('gives the gradients of exact', async () => {
    const network = networks['odd channels, a mel at the rate of frames']
    const gradients = async (precision: 'exact' | 'fast') => {
      const engine = await createNativeEngine({ network, parameters: parametersOf(network), precision })
      const request = { audio: [audio], target: [audio], steps: [3], mel: [melOf(network)], loss: 'l1' as const }
      const result = await engine.lossGradients(request)
      await engine.dispose()
      return result
    }
    assert.deepEqual(await gradients('fast'), await gradients('exact'))
  })

  test('is named in the device if bfloat16 is used', async () => {
    const network = networks['odd channels, a mel at the rate of frames']
    const device = async (instructionSet: InstructionSet) => {
      const parameters = parametersOf(network)
      const engine = await createNativeEngine({ network, parameters, instructionSet, threads: 1, precision: 'fast' })
      await engine.dispose()
      return engine.device
    }
    for (const set of fastSets) assert.equal(await device(set), `CPU, ${set} with bfloat16, 1 thread`)
    for (const set of others) assert.equal(await device(set), `CPU, ${set}, 1 thread`)
  })

  test('is accepted by other engines, and other values are refused', async () => {
    const network = networkSchema.parse({
      stepEmbedding: smallStepEmbedding,
      channels: 4,
      layers: 2,
      dilationCycle: 2,
    })
    const parameters = parametersOf(network)
    const results: Float32Array[][] = []
    for (const precision of ['exact', 'fast'] as const) {
      const engine = await createEngine(network, parameters, { engine: 'wasm', threads: 1, precision })
      results.push(await engine.predict({ audio: [audio], steps: [3] }))
      await engine.dispose()
    }
    assert.deepEqual(results[1], results[0])
    await assert.rejects(createEngine(network, parameters, { precision: 'faster' as 'fast' }), {
      name: 'DiffWaveError',
      code: 'BAD_OPTION',
    })
  })
})
