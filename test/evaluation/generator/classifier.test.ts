/** The classifier of clips. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { Classifier } from '#src/evaluation/generator/classifier'
import { near, range } from '../../support/sounds.js'

test('learns separable classes reproducibly, and stays at chance for inseparable ones', async () => {
  const examples = (seed: number, apart: number) =>
    range(0, 300).map(i => ({
      features: Float64Array.from(gaussian(seed, 0, 8 * i, 8), (x, k) => x + (k === i % 3 ? apart : 0)),
      label: i % 3,
    }))
  const accuracy = async (apart: number) => {
    const classifier = await Classifier.train(examples(1, apart), ['a', 'b', 'c'], { seed: 4 })
    const held = examples(2, apart)
    return held.filter(({ features, label }) => classifier.classify(features) === label).length / held.length
  }
  assert.ok((await accuracy(6)) > 0.97)
  assert.equal(await accuracy(6), await accuracy(6))
  near(await accuracy(0), 1 / 3, 0.12)
})
