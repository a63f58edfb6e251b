/** Agreement of predicted data with the known part of a recording. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { domainOf } from '#src/data-domain/domain-of'
import { agreeing } from '#src/repair/fill'
import { smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'

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

test('known audio far above its mel does not make data of any size', () => {
  const training = { kind: 'cosine', steps: 100 } as const
  const domain = domainOf(
    smallVocoderConfig({ diffusion: { training, clamp: false, prior: { kind: 'mel-envelope' } } }),
  )
  // 0 is silence in a normalised mel.
  const silence = { data: new Float32Array(80 * 8), bands: 80, frames: 8 }
  const samples = Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i))
  const agreed = agreeing(domain, silence, new Float32Array(2048), { samples, weight: new Float32Array(2048).fill(1) })
  const largest = agreed.reduce((max, y) => Math.max(max, Math.abs(y)), 0)
  assert.equal(largest, domain.maxAbs)
})
