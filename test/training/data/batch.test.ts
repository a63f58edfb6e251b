/** Batches of crops. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchMaker } from '#src/training/data/batch'
import { config } from '../../support/training.js'

test('the silence before a short clip leaves room for all of it', () => {
  const generator = config({
    model: {
      kind: 'generator',
      sampleRate: 8000,
      network: { channels: 4, layers: 2, dilationCycle: 2, patch: 4 },
      diffusion: { training: { kind: 'cosine', steps: 10 } },
    },
    data: { cropSamples: 1024, batch: 16, leadIn: 10 },
    noiseLevels: { kind: 'discrete' },
    prior: null,
  })
  const maker = new BatchMaker(generator, generator.model, [
    { name: 'short.wav', label: '', samples: new Int16Array(900).fill(8192) },
  ])
  const starts = new Set<number>()
  for (let draw = 0; draw < 10; draw++) {
    const { audio, target, steps } = maker.batch(draw)
    for (const [i, noisy] of audio.entries()) {
      const level = maker.schedule.alphaBar[steps[i]!]!
      if (level < 0.5) continue
      const clean = noisy.map((x, n) => (x - Math.sqrt(1 - level) * target[i]![n]!) / Math.sqrt(level))
      const sounding = clean.reduce((count, x) => count + (x > 0.125 ? 1 : 0), 0)
      assert.equal(sounding, 900)
      starts.add(clean.findIndex(x => x > 0.125))
    }
  }
  assert.ok(starts.size > 10)
})
