/** Phases of the minimum-phase filter with given magnitudes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MinimumPhase, minimumPhaseMatrix } from '#src/model/front-end/minimum-phase'

const frontEnd = { kernel: 256, bins: 129 }
/** 1/(1 − a·z⁻¹): a pole within the unit circle, so minimum phase. */
const pole = 0.7
const spectrum = Array.from({ length: frontEnd.bins }, (_, bin) => {
  const w = (2 * Math.PI * bin) / frontEnd.kernel
  return { re: 1 - pole * Math.cos(w), im: pole * Math.sin(w) }
})
const magnitudes = Float32Array.from(spectrum, ({ re, im }) => 1 / Math.hypot(re, im))

describe('minimum phase', () => {
  test('is the phase of a causal, stable filter', () => {
    const angles = new MinimumPhase(frontEnd).angles(magnitudes)
    for (const [bin, { re, im }] of spectrum.entries()) assert.ok(Math.abs(angles[bin]! + Math.atan2(im, re)) < 1e-6)
  })

  test('does not depend on the level', () => {
    const phase = new MinimumPhase(frontEnd)
    const expected = phase.angles(magnitudes).slice()
    const louder = phase.angles(magnitudes.map(value => 100 * value))
    for (const [bin, angle] of expected.entries()) assert.ok(Math.abs(angle - louder[bin]!) < 1e-5)
  })

  test('is linear in the log magnitudes, by minimumPhaseMatrix', () => {
    for (const bins of [129, 93]) {
      const shape = { kernel: 256, bins }
      const own = magnitudes.subarray(0, bins)
      const matrix = minimumPhaseMatrix(shape)
      const angles = new MinimumPhase(shape).angles(own)
      for (let k = 0; k < bins; k++) {
        const sum = own.reduce((total, value, j) => total + matrix[k * bins + j]! * Math.log(value), 0)
        assert.ok(Math.abs(sum - angles[k]!) < 1e-5)
      }
    }
  })
})
