/** Low latency: each position by itself, so that streams wait for the receptive field and for nothing more. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import type { Engine } from '#src/engines/engine'
import { surveyNative } from '#src/engines/native/engine'
import type { EngineOptions } from '#src/engines/options'
import { selectEngine } from '#src/engines/select'
import { networkSchema, receptiveRadius } from '#src/model/network'
import { smallStepEmbedding } from '../../support/configs.js'
import { relativeError } from '../../support/numbers.js'
import { randomParameters } from '../../support/parameters.js'

// Dilations 1, 2, 4, 8, 1: all of them have Winograd blocks in normal latency.
const network = networkSchema.parse({ stepEmbedding: smallStepEmbedding, channels: 20, layers: 5, dilationCycle: 4 })
const radius = receptiveRadius(network)
const parameters = randomParameters(network, 1)
const audio = gaussian(2, 0, 0, 300)

const open = async (options: EngineOptions) => (await selectEngine({ network, parameters }, options)).engine

async function outputOf(engine: Engine, samples: Float32Array): Promise<Float32Array> {
  const [output] = await engine.predict({ audio: [samples], steps: [3] })
  return output!
}

// AMX has no Winograd blocks in normal latency either.
const { available, instructionSets } = surveyNative()
const kernels: EngineOptions[] = [
  ...(available ? [{ engine: 'native', instructionSet: instructionSets.find(name => name !== 'amx')! } as const] : []),
  { engine: 'wasm', threads: 1 },
]

for (const options of kernels) {
  describe(`low latency on ${options.engine}`, () => {
    const engines: Partial<Record<'normal' | 'low', Engine>> = {}
    before(async () => {
      for (const latency of ['normal', 'low'] as const) engines[latency] = await open({ ...options, latency })
    })
    after(() => Promise.all(Object.values(engines).map(engine => engine.dispose())))

    test('differs from normal latency by rounding alone', async () => {
      const error = relativeError(await outputOf(engines.low!, audio), await outputOf(engines.normal!, audio))
      assert.ok(error > 0 && error < 1e-5, String(error))
    })

    test('leaves samples beyond the receptive field as they are, to the last bit', async () => {
      const changed = audio.slice()
      changed[150] = 3
      const reached = async (latency: 'normal' | 'low') => {
        const engine = engines[latency]!
        const [before, after] = [await outputOf(engine, audio), await outputOf(engine, changed)]
        return before.findIndex((value, i) => value !== after[i])
      }
      assert.ok((await reached('low')) >= 150 - radius)
      assert.ok((await reached('normal')) < 150 - radius)
    })

    test('lets a stream lag by the receptive field, and normal latency by up to 5 times that', async () => {
      for (const latency of ['low', 'normal'] as const) {
        const engine = engines[latency]!
        const stream = engine.openStream({ steps: [3] })
        const output: number[] = []
        let longest = 0
        for (let i = 0; i < audio.length; i++) {
          output.push(...(await stream.predict(0, audio.subarray(i, i + 1), i === audio.length - 1)))
          longest = Math.max(longest, i + 1 - output.length)
        }
        assert.equal(stream.latency, latency === 'low' ? radius : 5 * radius - network.layers)
        assert.ok(longest <= stream.latency)
        if (latency === 'low') assert.equal(longest, radius)
        assert.deepEqual(Float32Array.from(output), await outputOf(engine, audio))
        stream.dispose()
      }
    })
  })
}

describe('low latency', () => {
  test('is noted where an engine has only normal latency', { skip: !available }, async () => {
    const reference = { engine: 'native', instructionSet: 'scalar', threads: 1, latency: 'low' } as const
    const { engine, notes } = await selectEngine({ network, parameters }, reference)
    assert.deepEqual(notes, ['latency low: CPU, scalar, 1 thread has only normal latency'])
    await engine.dispose()
  })
})

test('the option latency refuses any value but low and normal', async () => {
  await assert.rejects(open({ latency: 'lowest' as 'low' }), { name: 'DiffWaveError', code: 'BAD_OPTION' })
})
