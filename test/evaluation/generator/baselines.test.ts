/** Baselines that a generator must beat. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { averageSpectrumNoise, shuffledPieces } from '#src/evaluation/generator/baselines'
import { near, range } from '../../support/sounds.js'

const energy = (samples: Float32Array) => samples.reduce((sum, x) => sum + x * x, 0)

test('noise of the average spectrum has the energy of each clip, wherever in it the sound is', async () => {
  for (const at of [512, 1024, 1300, 2560]) {
    const click = new Float32Array(3072)
    click[at] = 0.5
    const [noise, other] = await averageSpectrumNoise([click, click], 1)
    assert.equal(noise!.length, click.length)
    near(energy(noise!), 0.25, 1e-3)
    assert.notDeepEqual(noise, other)
    for (const edge of [noise!.subarray(0, 100), noise!.subarray(-100)]) assert.ok(energy(edge) > 0.25 / 300)
  }
})

test('noise of the average spectrum is made for a clip shorter than a frame, too', async () => {
  const clip = Float32Array.from({ length: 500 }, (_, n) => Math.cos(Math.PI * n))
  const [noise] = await averageSpectrumNoise([clip], 1)
  near(energy(noise!), 500, 1e-3)
  // All of it is at half the sample rate, where neighbours cancel.
  assert.ok(energy(noise!.subarray(1).map((x, n) => x + noise![n]!)) < 5)
})

test('noise of the average spectrum has the power of each frequency', async () => {
  // A quarter of the power of the first tone is in the second one.
  const clip = Float32Array.from(
    { length: 40_960 },
    (_, n) => Math.cos((Math.PI * n) / 2) + Math.cos((Math.PI * n) / 4) / 2,
  )
  const [noise] = await averageSpectrumNoise([clip], 1)
  // Without the first tone, and with twice the power of the second.
  const rest = noise!.subarray(2).map((x, n) => x + noise![n]!)
  near(energy(rest) / energy(noise!), 2 / 5, 0.1)
})

test('shuffled pieces are the pieces of the clip, faded at their edges, in an order of its own', () => {
  // Pieces of 400 samples: 1, 2, … 10, and half a piece that stays.
  const clip = Float32Array.from({ length: 4200 }, (_, i) => 1 + Math.floor(i / 400))
  const [first, second] = shuffledPieces([clip, clip], 8000, 1)
  const middles = (samples: Float32Array) => range(0, 10).map(piece => samples[400 * piece + 200]!)
  assert.deepEqual(
    middles(first!).sort((a, b) => a - b),
    range(1, 10),
  )
  assert.notDeepEqual(middles(first!), middles(second!))
  assert.deepEqual(first!.slice(4000), clip.slice(4000))
  for (const [piece, value] of middles(first!).entries()) {
    const at = 400 * piece
    assert.deepEqual(
      [first![at], first![at + 15], first![at + 384], first![at + 399]],
      [value / 16, value, value, value / 16],
    )
  }
})
