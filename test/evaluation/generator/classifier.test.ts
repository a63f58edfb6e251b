/** The classifier of clips. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { Classifier, type Example } from '#src/evaluation/generator/classifier'
import { near, range } from '../../support/sounds.js'

type Examples = (seed: number) => readonly Example[]

/** The share of other examples that a classifier recognises. */
async function accuracy(examples: Examples, labels: readonly string[]): Promise<number> {
  const classifier = await Classifier.train(examples(1), labels, { seed: 4 })
  const held = examples(2)
  return held.filter(({ features, label }) => classifier.classify(features) === label).length / held.length
}

test('learns separable classes, and stays at chance for inseparable ones', async () => {
  const apart =
    (distance: number): Examples =>
    seed =>
      range(0, 300).map(i => ({
        features: Float64Array.from(gaussian(seed, 0, 8 * i, 8), (x, k) => x + (k === i % 3 ? distance : 0)),
        label: i % 3,
      }))
  assert.ok((await accuracy(apart(6), ['a', 'b', 'c'])) > 0.97)
  near(await accuracy(apart(0), ['a', 'b', 'c']), 1 / 3, 0.12)
})

test('learns, reproducibly, what no single feature tells', async () => {
  // The label is whether the first two features have the same sign. The last one is the same in all examples, but
  // another one in those that are held back.
  const examples: Examples = seed =>
    range(0, 300).map(i => {
      const draws = [...gaussian(seed, 0, 6 * i, 6)]
      const features = Float64Array.of(...draws.map((x, k) => (k < 2 ? 3 * x + 5 : x)), seed / 10)
      return { features, label: Number(draws[0]! > 0 === draws[1]! > 0) }
    })
  const found = await accuracy(examples, ['a', 'b'])
  assert.ok(found > 0.82, String(found))
  assert.equal(await accuracy(examples, ['a', 'b']), found)
  const stopped = Classifier.train(examples(1), ['a', 'b'], { seed: 4, signal: AbortSignal.abort() })
  await assert.rejects(stopped, { code: 'ABORTED' })
})
