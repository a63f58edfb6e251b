/** Low latency: each position by itself, so that streams wait for the receptive field and for nothing more. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import { surveyNative } from '#src/engines/native/engine'
import type { EngineOptions } from '#src/engines/options'
import { selectEngine } from '#src/engines/select'
import { networkSchema, receptiveRadius } from '#src/model/network'
import { relativeError } from '../../support/numbers.js'
import { randomParameters } from '../../support/parameters.js'

// Dilations 1, 2, 4, 8, 1: all of them have Winograd blocks in normal latency.
const network = networkSchema.parse({ channels: 20, layers: 5, dilationCycle: 4 })
const radius = receptiveRadius(network)
const parameters = randomParameters(network, 1)
const audio = gaussian(2, 0, 0, 600)

const open = async (options: EngineOptions) => (await selectEngine({ network, parameters }, options)).engine

async function outputOf(options: EngineOptions, samples: Float32Array): Promise<Float32Array> {
  const engine = await open(options)
  const [output] = await engine.predict({ audio: [samples], steps: [3] })
  await engine.dispose()
  return output!
}

// AMX has no Winograd blocks in normal latency either.
const { available, instructionSets } = surveyNative()
const kernels: EngineOptions[] = [
  ...(available ? [{ engine: 'native', instructionSet: instructionSets.find(name => name !== 'amx')! } as const] : []),
  { engine: 'wasm' },
]

for (const options of kernels) {
  describe(`low latency on ${options.engine}`, () => {
    test('differs from normal latency by rounding alone', async () => {
      const normal = await outputOf(options, audio)
      const error = relativeError(await outputOf({ ...options, latency: 'low' }, audio), normal)
      assert.ok(error > 0 && error < 1e-5, String(error))
    })

    test('leaves samples beyond the receptive field as they are, to the last bit', async () => {
      const changed = audio.slice()
      changed[300] = 3
      const reached = async (latency: 'normal' | 'low') => {
        const [before, after] = [
          await outputOf({ ...options, latency }, audio),
          await outputOf({ ...options, latency }, changed),
        ]
        return before.findIndex((value, i) => value !== after[i])
      }
      assert.ok((await reached('low')) >= 300 - radius)
      assert.ok((await reached('normal')) < 300 - radius)
    })

    test('lets a stream lag by the receptive field, and normal latency by up to 5 times that', async () => {
      for (const latency of ['low', 'normal'] as const) {
        const engine = await open({ ...options, latency })
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
        assert.deepEqual(Float32Array.from(output), (await engine.predict({ audio: [audio], steps: [3] }))[0])
        stream.dispose()
        await engine.dispose()
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
