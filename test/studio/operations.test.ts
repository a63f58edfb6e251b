/** The operations of a page without a server refuse what the service refuses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadModel } from '#src/denoiser/load-model'
import type { ModelShelf } from '#studio/engine/model-shelf'
import { heavyOperations, type OperationTools } from '#studio/engine/operations'
import { noiseWav, smallGenerator } from '../support/cli-inputs.js'
import { post, testService } from '../support/service.js'

const generator = await loadModel(smallGenerator)
const shelf = {
  names: ['noise'],
  config: async () => generator.config,
  load: async () => generator,
} as unknown as ModelShelf
const tools: OperationTools = { shelf, signal: new AbortController().signal, emit: () => {} }
const recording = { name: 'a.wav', bytes: noiseWav(0, 2000) as Uint8Array<ArrayBuffer> }

test('a named schedule is refused by denoise, as by the service', async () => {
  // A view cannot ask for it.
  const order = { model: 'noise', recording, steps: 'fast' as unknown as number }
  await assert.rejects(heavyOperations.denoise(order, tools), { code: 'BAD_OPTION' })
  const response = await post(await testService(), '/v1/denoise?model=noise&steps=fast', recording.bytes)
  assert.equal(((await response.json()) as { code: string }).code, 'BAD_OPTION')
})

test('a file for a generator is refused by process, as by the service', async () => {
  await assert.rejects(heavyOperations.process({ model: 'noise', source: recording }, tools), {
    code: 'BAD_OPTION',
    problem: 'a generator takes no mel or recording',
  })
})
