/** `excitation` refuses wrong arguments; its numbers are compared with the exported graph's in `test/export`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Mel } from '#src/audio/mel/convention'
import type { ModelConfig } from '#src/model/config'
import { readModel } from '#src/model/read-model'
import { excitation } from '#src/synthesis/excitation'
import { inRepository } from '../support/paths.js'

const mel: Mel = { data: new Float32Array(80), bands: 80, frames: 1 }
const white = new Float32Array(256)

test('what is no config of a model is refused', () => {
  for (const config of [null, undefined, 0, 'speech', [], {}, { diffusion: {} }]) {
    assert.throws(() => excitation(config as unknown as ModelConfig, mel, white), { code: 'BAD_CONFIG' })
  }
})

test('a model that starts from noise alone is refused', async () => {
  const { config } = await readModel(inRepository('models/lmnt-speech'))
  assert.throws(() => excitation(config, mel, white), { code: 'BAD_OPTION', expected: /prior\.harmonics/ })
})
