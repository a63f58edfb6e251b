/** Facts of a model. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeModel } from '#src/synthesis/describe-model'
import { smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'

test('describes a vocoder and a generator by their configs', () => {
  const vocoder = describeModel(smallVocoderConfig())
  assert.deepEqual(
    [vocoder.kind, vocoder.convention, vocoder.hop, vocoder.labels, vocoder.defaultSteps, vocoder.samplingSchedules],
    ['vocoder', 'lmnt', 256, null, 6, ['6']],
  )
  // Four layers of dilation 1, 2, 4, 1 reach 8 samples to either side.
  assert.equal(vocoder.receptiveField, 17)
  assert.deepEqual(vocoder.trainingSchedule, { kind: 'linear', steps: 50 })
  const generator = describeModel(smallGeneratorConfig())
  assert.deepEqual(
    [generator.kind, generator.convention, generator.hop, generator.labels, generator.receptiveField],
    ['generator', null, null, ['kick', 'snare'], 17 * 4],
  )
})
