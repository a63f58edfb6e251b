import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { diffuse } from '#src/diffusion/forward'
import { predictionTarget } from '#src/diffusion/prediction'
import type { ComputeTerms } from '#src/engines/loss-kernels'
import { networkSchema } from '#src/model/network'
import { magnitudeTerm } from '#src/training/objective/magnitude-distance'
import type { NoisedBatch } from '#src/training/objective/noised-batch'
import { Objective } from '#src/training/objective/objective'
import { SpectralLoss } from '#src/training/objective/spectral-loss'
import { ReadableTerms } from '#src/training/objective/spectral-term'
import { initialParameters } from '#src/training/optimiser/initialise'
import { learningEngine } from '../../support/learning-engine.js'

const LENGTH = 300
const model = { sampleRate: 22_050 }
const spectral = { weight: 0.7, windows: [32, 128] }

function batch(seed: number): NoisedBatch {
  const clean = [gaussian(seed, 0, 0, LENGTH), gaussian(seed, 1, 0, LENGTH / 2)]
  const noise = [gaussian(seed, 2, 0, LENGTH), gaussian(seed, 3, 0, LENGTH / 2)]
  const levels = [0.2, 0.9]
  return {
    clean,
    levels,
    emphases: [null, audio => audio.map((x, n) => 0.5 * x + 0.25 * ((audio[n - 1] ?? 0) + (audio[n + 1] ?? 0)))],
    audio: clean.map((x, i) => diffuse(x, noise[i]!, levels[i]!)),
    target: clean.map((x, i) => predictionTarget('v', x, noise[i]!, levels[i]!)),
    steps: [30, 3],
    limits: [11_025, 11_025],
    levelWeights: [1, 1],
  }
}

/** Mean over all samples of what the objective says of each clip. */
async function lossOf(objective: Objective, of: NoisedBatch, outputs: readonly Float32Array[]): Promise<number> {
  const { clipLosses } = await objective.evaluate(of, outputs)
  const total = outputs.reduce((sum, output) => sum + output.length, 0)
  return outputs.reduce((sum, output, i) => sum + (clipLosses[i]! * output.length) / total, 0)
}

test('the spectral loss is 0 between equals, and its gradient matches differences', () => {
  const loss = new SpectralLoss([64, 256])
  const errors = Array.from({ length: 41 }, (_, seed) => {
    const length = 256 + 11 * seed
    const [a, b, direction] = [0, 1, 2].map(draw => gaussian(seed, draw, 0, length)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    assert.equal(loss.compare(b, b).loss, 0)
    const { gradient } = loss.compare(a, b)
    const at = (s: number) =>
      loss.compare(
        a.map((x, i) => x + s * direction[i]!),
        b,
      ).loss
    const slope = (at(1e-4) - at(-1e-4)) / 2e-4
    const told = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0)
    // A direction's slope is some ‖gradient‖.
    return Math.abs(slope - told) / Math.hypot(...gradient)
  }).sort((x, y) => x - y)
  // Here and there magnitudes cross between the two points, and bend the loss: in one case of a hundred by more than
  // 0.02.
  assert.ok(errors[20]! < 1e-3, `median ${errors[20]}`)
  assert.ok(errors[37]! < 0.02, `nine in ten ${errors[37]}`)
})

test('the gradient by the outputs matches differences of the whole objective', async () => {
  for (const loss of ['l1', 'l2'] as const) {
    const objective = new Objective({ loss, spectral, model })
    const of = batch(4)
    const outputs = of.audio.map(x => x.map(value => 0.6 * value + 0.1))
    const { gradients } = await objective.evaluate(of, outputs)
    const direction = outputs.map((output, i) => gaussian(8, i, 0, output.length))
    const at = (s: number) =>
      lossOf(
        objective,
        of,
        outputs.map((o, i) => o.map((x, n) => x + s * direction[i]![n]!)),
      )
    const slope = ((await at(1e-3)) - (await at(-1e-3))) / 2e-3
    const told = gradients.reduce(
      (sum, g, i) => sum + g.reduce((part, value, n) => part + value * direction[i]![n]!, 0),
      0,
    )
    const norm = Math.hypot(...gradients.flatMap(gradient => [...gradient]))
    assert.ok(Math.abs(slope - told) < 0.05 * norm, `${loss}: ${slope} ${told} of ${norm}`)
  }
})

test('the spectral loss of v compares the x_0 that it predicts', async () => {
  const of = batch(7)
  const outputs = of.audio.map(x => x.map(value => 0.6 * value + 0.1))
  const lossWith = async (terms: typeof spectral | null) =>
    (await new Objective({ loss: 'l2', spectral: terms, model }).evaluate(of, outputs)).clipLosses[0]!
  const found = (await lossWith(spectral)) - (await lossWith(null))
  const level = of.levels[0]!
  const estimate = of.audio[0]!.map((x, n) => Math.sqrt(level) * x - Math.sqrt(1 - level) * outputs[0]![n]!)
  const expected = spectral.weight * new SpectralLoss(spectral.windows).compare(estimate, of.clean[0]!).loss
  assert.ok(Math.abs(found - expected) < 1e-4 * expected)
})

test('losses alone are the same bytes, and take no gradients', async () => {
  const readable = new ReadableTerms()
  for (const loss of ['l1', 'l2', 'time-frequency'] as const) {
    for (const terms of [null, spectral]) {
      const objective = new Objective({ loss, spectral: terms, model })
      const of = batch(5)
      const outputs = of.audio.map(x => x.map(value => 0.6 * value + 0.1))
      const expected = (await objective.evaluate(of, outputs)).clipLosses
      const weights: number[] = []
      const spectralTerms: ComputeTerms = async given => {
        weights.push(...given.map(({ weight }) => weight))
        return given.map(term => readable.sums(term))
      }
      const predict = async () => outputs
      assert.deepEqual(await objective.losses({ predict, spectralTerms }, of), expected)
      assert.deepEqual(await objective.losses({ predict }, of), expected)
      assert.ok(weights.every(weight => weight === 0))
    }
  }
  const term = magnitudeTerm(
    64,
    { made: gaussian(1, 0, 0, 512), wanted: gaussian(1, 1, 0, 512), limit: 1e4, weight: 0 },
    22_050,
  )
  assert.ok(readable.sums(term).gradient.every(value => Object.is(value, 0)))
})

test('an engine differentiates the objective by its parameters', async () => {
  const network = networkSchema.parse({ channels: 1, layers: 1, dilationCycle: 1 })
  const parameters = initialParameters(network, 1)
  const [slope] = [...parameters.keys()]
  for (const [kind, terms, emphases] of [
    ['l2', null, batch(6).emphases],
    ['l2', spectral, batch(6).emphases],
    // The engine computes these losses itself.
    ['l2', null, [null, null]],
    ['l1', null, [null, null]],
  ] as const) {
    const objective = new Objective({ loss: kind, spectral: terms, model })
    const of = { ...batch(6), emphases }
    const engine = learningEngine(network, parameters)
    const { loss, gradients, clipLosses } = await objective.differentiate(engine, of)
    const outputs = await engine.predict(of)
    assert.ok(Math.abs(loss - (await lossOf(objective, of, outputs))) < 1e-5)
    assert.equal(clipLosses.length, 2)
    // The engine's ε is a·x + b: move a.
    const at = async (by: number) => {
      const moved = new Map(parameters)
      const { shape, data } = parameters.get(slope!)!
      moved.set(slope!, { shape, data: data.map((value, i) => (i === 0 ? value + by : value)) })
      await engine.setParameters(moved)
      return lossOf(objective, of, await engine.predict(of))
    }
    const expected = ((await at(1e-3)) - (await at(-1e-3))) / 2e-3
    assert.ok(Math.abs(gradients.get(slope!)![0]! - expected) < 0.03 * Math.abs(expected))
  }
})
