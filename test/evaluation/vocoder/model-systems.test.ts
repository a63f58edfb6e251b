/** The three systems that an evaluation makes of a vocoder. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { modelSystems, type Synthesizer } from '#src/evaluation/vocoder/model-systems'

const never = new AbortController().signal
const mel = { data: new Float32Array(80), bands: 80, frames: 1 }
const original = { name: 'a', mel, length: 256, index: 2 }

/** A vocoder that notes what is asked of it. */
function noting(name: string, calls: string[]): Synthesizer {
  return {
    synthesize: async (_, { seed, refine, length, signal }) => {
      calls.push(`${name} ${seed} ${refine ?? 'own'}`)
      assert.equal(signal, never)
      return { samples: new Float32Array(length).fill(calls.length), sampleRate: 22_050 }
    },
  }
}

async function run(refine: number | undefined, refines: boolean) {
  const calls: string[] = []
  const [vocoder, zeroed] = [noting('model', calls), noting('zeroed', calls)]
  const systems = modelSystems({ name: 'm', vocoder, zeroed, refine, refines, seed: 5 })
  const copies = []
  for (const system of systems) {
    const { samples } = await system.make(original, never)
    assert.equal(samples.length, original.length)
    copies.push(samples[0])
  }
  return { names: systems.map(({ name }) => name), timed: systems.map(({ timed }) => timed), calls, copies }
}

const names = ['m', 'm, last layer zeroed', 'm, without refinement']

describe('the three systems of a vocoder', () => {
  test('are as shipped, with the last layer zeroed, and without refinement', async () => {
    const { names: found, calls } = await run(undefined, true)
    assert.deepEqual(found, names)
    assert.deepEqual(calls, ['model 7 own', 'zeroed 7 own', 'model 7 0'])
  })

  test('use the requested iterations for the first two', async () => {
    assert.deepEqual((await run(8, false)).calls, ['model 7 8', 'zeroed 7 8', 'model 7 0'])
  })

  test('share the copies of the first and third if the vocoder does not refine', async () => {
    for (const [refine, refines] of [
      [undefined, false],
      [0, true],
    ] as const) {
      const { names: found, timed, calls, copies } = await run(refine, refines)
      assert.deepEqual(found, names)
      assert.equal(calls.length, 2)
      assert.deepEqual(copies, [1, 2, 1])
      assert.deepEqual(timed, [true, true, false])
    }
  })
})

test('a vocoder without a zeroed model is a single system', () => {
  const vocoder = noting('model', [])
  const systems = modelSystems({ name: 'm', vocoder, zeroed: null, refine: undefined, refines: true, seed: 5 })
  assert.deepEqual(
    systems.map(({ name }) => name),
    ['m'],
  )
})
