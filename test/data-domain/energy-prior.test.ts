import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { atSamples } from '#src/audio/mel/frames'
import { gaussian } from '#src/core/random'
import { EnergyPriorDomain, frameDeviations, melEnergy } from '#src/data-domain/energy-prior'

const prior = { kind: 'mel-energy', minEnergy: 1, maxEnergy: 5, floor: 0.1 } as const

/** A mel whose every band of frame f has this linear amplitude, under a convention's logarithm. */
function flatMel(amplitudes: readonly number[], encode: (amplitude: number) => number) {
  const data = new Float32Array(80 * amplitudes.length)
  data.forEach((_, i) => {
    data[i] = encode(amplitudes[i % amplitudes.length]!)
  })
  return { data, bands: 80, frames: amplitudes.length }
}

describe('the energy of a frame', () => {
  test('is the root of the summed linear amplitudes in every convention', () => {
    const amplitudes = [0.001, 0.05, 0.5]
    const expected = amplitudes.map(a => Math.sqrt(80 * a))
    const lmnt = melEnergy(
      namedConventions.lmnt,
      flatMel(amplitudes, a => 0.2 * Math.log10(a) + 0.8),
    )
    const tacotron = melEnergy(namedConventions.tacotron2, flatMel(amplitudes, Math.log))
    const power = melEnergy(
      { ...namedConventions.tacotron2, power: 2 },
      flatMel(amplitudes, a => Math.log(a * a)),
    )
    for (const energy of [lmnt, tacotron, power]) {
      energy.forEach((value, i) => {
        assert.ok(Math.abs(value - expected[i]!) < 1e-4 * expected[i]!)
      })
    }
    // Predicted values may lie below those of silence.
    const linear = { ...namedConventions.tacotron2, logarithm: 'none', floor: 0 } as const
    assert.deepEqual(
      [
        ...melEnergy(
          linear,
          flatMel([-0.5], a => a),
        ),
      ],
      [0],
    )
  })
})

describe('the deviation σ of the energy prior', () => {
  test('maps the energy range of the data set to [floor, 1]', () => {
    const mel = flatMel(
      [1e-5, 9, 81, 900].map(e => e / 80),
      Math.log,
    )
    const deviations = [...frameDeviations(prior, namedConventions.tacotron2, mel)]
    ;[0.1, 0.5, 1, 1].forEach((expected, i) => {
      assert.ok(Math.abs(deviations[i]! - expected) < 1e-5)
    })
  })

  test('is linear between frames and constant beyond the first and last', () => {
    const frames = [0.2, 0.6, 1]
    const centred = atSamples(frames, { hop: 4, framing: 'centre' }, 0, 12)
    ;[0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1, 1, 1].forEach((expected, i) => {
      assert.ok(Math.abs(centred[i]! - expected) < 1e-6)
    })
    // Frames of the other convention lie in the middle of their hops.
    assert.deepEqual(atSamples(frames, { hop: 4, framing: 'edge' }, 2, 10), centred.subarray(0, 10))
    for (const framing of ['centre', 'edge'] as const) {
      const whole = atSamples(frames, { hop: 4, framing }, 0, 12)
      assert.deepEqual(atSamples(frames, { hop: 4, framing }, 5, 3), whole.slice(5, 8))
    }
  })

  test('does not depend on how many frames lie before a sample', () => {
    const convention = { hop: 300, framing: 'centre' } as const
    const frames = gaussian(1, 0, 0, 400)
    const whole = atSamples(frames, convention, 0, 120_000)
    assert.deepEqual(atSamples(frames.subarray(1), convention, 0, 119_700), whole.subarray(300))
  })
})

test('the loss counts an error by the noise of its moment, squared for squared errors', () => {
  const mel = flatMel(
    [9, 9].map(e => e / 80),
    Math.log,
  )
  // σ is (3 − 1)/(5 − 1).
  const domain = new EnergyPriorDomain(namedConventions.tacotron2, prior, 1)
  for (const [loss, expected] of [
    ['l1', 6],
    ['l2', 12],
  ] as const) {
    const weight = domain.lossWeight(mel, 8, loss, 3)
    assert.ok(
      weight.every(w => Math.abs(w - expected) < 1e-4),
      `${loss}: ${weight}`,
    )
  }
})
