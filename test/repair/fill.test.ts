/** Agreement of predicted data with the known part of a recording. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { domainOf } from '#src/data-domain/domain-of'
import { agreeing } from '#src/repair/fill'
import { smallGeneratorConfig } from '../support/configs.js'

test('known samples replace predicted ones in proportion to their weight', () => {
  const diffusion = { training: { kind: 'cosine', steps: 100 }, defaultSteps: 4 } as const
  const known = { samples: Float32Array.of(0.5, 0.5, Number.NaN, -0.75), weight: Float32Array.of(1, 0.5, 0, 1) }
  const agreed = (fields: object) => {
    const domain = domainOf(smallGeneratorConfig({ diffusion: { ...diffusion, ...fields } }))
    return [...agreeing(domain, null, Float32Array.of(0, 0.25, 0.25, 0), known)]
  }
  assert.deepEqual(agreed({}), [0.5, 0.375, 0.25, -0.75])
  // The data are twice the waveform.
  assert.deepEqual(agreed({ signalScale: 2, clamp: false }), [1, 0.625, 0.25, -1.5])
})
