/** The preview of a run in its event log. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Dataset } from '#src/training/data/dataset'
import { previewClip } from '#src/training/preview'
import { smallGeneratorConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'

test('previews a validation clip whose label the model does not know', async () => {
  const config = smallGeneratorConfig()
  const { engine } = fakeModel(config)
  const clip = { name: 'c/1.wav', label: 'c', samples: Int16Array.from({ length: 2000 }, (_, n) => 3000 * Math.sin(n)) }
  const data = { sampleRate: config.sampleRate, training: [], validation: [clip] } as unknown as Dataset
  const shown = await previewClip(engine, config, data)
  assert.deepEqual(
    shown.map(({ kind, tag }) => `${kind} ${tag}`),
    ['audio model', 'audio recording', 'image model', 'image recording'],
  )
})
