/** Modulation error, on sounds whose envelopes are known. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { uniform } from '#src/core/random'
import { modulationError } from '#src/evaluation/vocoder/modulation-error'
import { near, noise } from '../../support/sounds.js'

const RATE = 22_050
const SECOND = { length: RATE }
/** A tone in the middle of each band. */
const carriers = [650, 1500, 2750, 4500, 6650]

function tones(amplitude: (seconds: number) => number): Float32Array {
  return Float32Array.from(SECOND, (_, i) =>
    carriers.reduce((sum, hertz) => sum + 0.1 * amplitude(i / RATE) * Math.cos((2 * Math.PI * hertz * i) / RATE), 0),
  )
}

/** The harmonics of 100 Hz with equal amplitudes. */
function harmonics(phase: (harmonic: number) => number): Float32Array {
  return Float32Array.from({ length: RATE / 2 }, (_, i) => {
    let sum = 0
    for (let k = 1; k <= 78; k++) sum += 0.01 * Math.cos((2 * Math.PI * 100 * k * i) / RATE + phase(k))
    return sum
  })
}

describe('the modulation error', () => {
  test('of a tone that swells and fades is the share by which its envelope varies', () => {
    const steady = tones(() => 1)
    // 1 + m·sin has the mean 1 and the standard deviation m/√2 over whole periods: three in 30 ms.
    const swelling = tones(t => 1 + 0.5 * Math.sin(2 * Math.PI * 100 * t))
    near(modulationError(steady, swelling, RATE)!, 0.5 / Math.SQRT2, 0.01)
    near(modulationError(swelling, steady, RATE)!, 0.5 / Math.SQRT2, 0.01)
  })

  test('tells harmonics in phase from harmonics of random phases', () => {
    const pulses = harmonics(() => 0)
    const scattered = harmonics(k => 2 * Math.PI * uniform(1, 0, k))
    assert.equal(modulationError(pulses, pulses, RATE), 0)
    assert.ok(modulationError(pulses, scattered, RATE)! > 0.3)
    // The envelope does not depend on where in time the pulses stand, or on how loud they are.
    const later = harmonics(k => 0.7 * k)
    near(modulationError(pulses, later, RATE)!, 0, 0.02)
    const softer = pulses.map(x => x / 8)
    near(modulationError(pulses, softer, RATE)!, 0, 1e-6)
  })

  test('ignores what is more than 30 dB below the loudest part', () => {
    const loud = tones(t => (t < 0.5 ? 1 : 0.003))
    const hiss = noise(1, RATE, 0.003)
    const hissing = loud.map((x, i) => (i / RATE < 0.55 ? x : hiss[i]!))
    near(modulationError(loud, hissing, RATE)!, 0, 1e-9)
    // 20 dB below it, every second block counts.
    const softer = tones(t => (t < 0.5 ? 1 : 0.1))
    const swelling = tones(t => (t < 0.5 ? 1 : 0.1 + 0.05 * Math.sin(2 * Math.PI * 100 * t)))
    near(modulationError(softer, swelling, RATE)!, 0.25 / Math.SQRT2, 0.02)
  })

  test('is null for silence, and for less than a block', () => {
    const silence = new Float32Array(RATE)
    assert.equal(modulationError(silence, noise(1, RATE), RATE), null)
    assert.equal(modulationError(noise(1, 500), noise(1, 500), RATE), null)
    const steady = tones(() => 1)
    near(modulationError(steady, silence, RATE)!, 0, 0.01)
  })
})
