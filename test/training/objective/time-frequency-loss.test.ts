/** The time-frequency loss and its distance of magnitudes: agreement with PyTorch, gradients and band limits. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import type { Tensor } from '#src/core/tensor'
import type { SpectralTerm } from '#src/engines/loss-kernels'
import { createEngine } from '#src/engines/select'
import { decodeSafetensors } from '#src/formats/safetensors'
import { readModel } from '#src/model/read-model'
import { binsBelow } from '#src/training/objective/centred-frames'
import { magnitudeTerm } from '#src/training/objective/magnitude-distance'
import { levelWeight } from '#src/training/objective/noise-levels'
import { Objective } from '#src/training/objective/objective'
import { ReadableTerms, termLoss } from '#src/training/objective/spectral-term'
import { errorTerm, phaseTerm } from '#src/training/objective/time-frequency-loss'
import { relativeError } from '../../support/numbers.js'
import { golden } from '../../support/paths.js'

const RATE = 22_050
const predicted = gaussian(1, 0, 0, 2500).map(x => 0.1 * x)
const target = gaussian(1, 1, 0, 2500).map((x, n) => 0.3 * Math.sin(n / 20) + 0.01 * x)

const readable = new ReadableTerms()
const compared = (made: Float32Array, limit: number, weight: number) => ({ made, wanted: target, limit, weight })
const terms: Record<string, (made: Float32Array, limit: number, weight: number) => SpectralTerm> = {
  'the time-frequency loss': (...given) => errorTerm(compared(...given), RATE),
  'the time-frequency loss of phases': (...given) => phaseTerm(compared(...given), RATE, sample => sample > 500),
  'the distance of magnitudes': (...given) => magnitudeTerm(256, compared(...given), RATE),
}

for (const [name, term] of Object.entries(terms)) {
  const at = (audio: Float32Array, limit = RATE / 2) => {
    const given = term(audio, limit, 1)
    return termLoss(given, readable.sums(given))
  }

  describe(name, () => {
    test('has a gradient that matches finite differences, times its weight', () => {
      for (const limit of [RATE / 2, 5000]) {
        const { gradient } = readable.sums(term(predicted, limit, 3))
        const direction = gaussian(1, 2, 0, 2500)
        const moved = (by: number) => predicted.map((x, n) => x + by * direction[n]!)
        const slope = (at(moved(1e-5), limit) - at(moved(-1e-5), limit)) / 2e-5
        const expected = gradient.reduce((sum, g, n) => sum + (g / 3) * direction[n]!, 0)
        assert.ok(Math.abs(slope / expected - 1) < 0.02, `slope ${slope}, gradient says ${expected}`)
      }
    })

    test('has a finite gradient in silence', () => {
      const { gradient } = readable.sums(term(new Float32Array(2500), RATE / 2, 1))
      assert.ok(gradient.every(Number.isFinite))
    })

    // A prediction’s phases count in proportion to its own magnitude, so equals differ a little.
    if (name.endsWith('phases')) return

    test('is close to 0 between equals', () => assert.ok(at(target) < 1e-3 * at(predicted)))

    test('ignores frequencies above the clip’s bandwidth', () => {
      const high = target.map((x, n) => x + 0.1 * Math.sin(Math.PI * 0.9 * n))
      assert.ok(at(high, 6000) < 0.1 * at(high), `${at(high, 6000)} of ${at(high)}`)
    })
  })
}

test('binsBelow counts the bins at or below a limit', () => {
  assert.deepEqual(
    [0, 99, 100, 11_025].map(limit => binsBelow(limit, 221, 22_050)),
    [1, 2, 2, 221],
  )
})

test('loss and gradients of a network agree with PyTorch', async () => {
  const folder = golden('pytorch-windows')
  const { config, parameters } = await readModel(folder)
  const { tensors } = decodeSafetensors(readFileSync(`${folder}/golden.safetensors`), folder)
  const rows = ({ data, shape }: Tensor) =>
    Array.from({ length: shape[0]! }, (_, i) =>
      data.slice((i * data.length) / shape[0]!, ((i + 1) * data.length) / shape[0]!),
    )
  const of = (name: string) => rows(tensors.get(name)!)
  const levels = Array.from(tensors.get('alpha_bar')!.data)
  const weighting = { kind: 'truncated-v', most: 4 } as const
  const objective = new Objective({
    loss: 'time-frequency',
    spectral: { weight: 0.02, windows: [256, 512] },
    model: config,
  })
  const { frontEnd } = config.network
  const corrected = new Objective({
    loss: 'time-frequency',
    spectral: { weight: 0.02, windows: [256, 512] },
    model: {
      ...config,
      network: { frontEnd: { ...frontEnd!, correction: { passes: 1, iterations: 5, relaxation: 1 } } },
    },
  })
  const engine = await createEngine(config.network, parameters, {}, config.mel)
  try {
    const batch = {
      audio: of('noisy'),
      target: of('clean'),
      clean: of('clean'),
      steps: tensors.get('steps')!.data,
      mel: of('mel').map(data => ({ data, bands: 80, frames: data.length / 80 })),
      limits: Array.from(tensors.get('limits')!.data),
      levels,
      levelWeights: levels.map(level => levelWeight(weighting, 'x0', level)),
      emphases: [null, null],
    }
    const { loss, clipLosses, gradients } = await objective.differentiate(engine, batch)
    const inner = await corrected.evaluate(batch, of('predicted'))
    assert.ok(relativeError(inner.clipLosses, tensors.get('losses_without_edges')!.data) < 1e-4)
    assert.ok(inner.gradients[0]!.subarray(0, 512).every(g => g === 0))
    const expected = tensors.get('losses')!.data
    assert.ok(relativeError(clipLosses, expected) < 1e-4, `${clipLosses} and ${expected}`)
    assert.ok(Math.abs(loss / ((expected[0]! + expected[1]!) / 2) - 1) < 1e-4)
    assert.equal(gradients.size, parameters.size)
    for (const [name, gradient] of gradients) {
      const error = relativeError(gradient, tensors.get(`gradient.${name}`)!.data)
      assert.ok(error < 1e-3, `${name}: ${error}`)
    }
  } finally {
    await engine.dispose()
  }
})
