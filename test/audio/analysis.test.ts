/** What is measured of a recording. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeAudio } from '#src/audio/analysis'

test('describeAudio measures level, silence and spectral centroid', () => {
  const samples = new Float32Array(4096)
  for (let i = 0; i < 2048; i++) samples[i] = Math.sin((2 * Math.PI * i) / 16)
  samples[5] = 1
  const description = describeAudio({ samples, sampleRate: 16000 })
  assert.equal(description.silentShare, 0.5)
  assert.equal(description.peak, 1)
  assert.ok(Math.abs(description.rmsDecibels + 6.02) < 0.05)
  assert.ok(Math.abs(description.spectralCentroid - 1000) < 100)
})
