/** Baselines that a generator must beat. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { averageSpectrumNoise } from '#src/evaluation/generator/baselines'
import { near } from '../../support/sounds.js'

test('noise of the average spectrum has the energy of each clip, wherever in it the sound is', () => {
  const energy = (samples: Float32Array) => samples.reduce((sum, x) => sum + x * x, 0)
  for (const at of [512, 1024, 1300, 2560]) {
    const click = new Float32Array(3072)
    click[at] = 0.5
    const [noise] = averageSpectrumNoise([click], 1)
    assert.equal(noise!.length, click.length)
    near(energy(noise!), 0.25, 1e-3)
  }
})
