/** The pieces of a stream belong to the caller. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Denoiser } from '#src/denoiser/denoiser'
import { createEngine } from '#src/engines/select'
import { Vocoder } from '#src/vocoder'
import { someMel } from '../support/audio.js'
import { smallVocoderConfig } from '../support/configs.js'
import { randomParameters } from '../support/parameters.js'

describe('a stream goes on unchanged when its pieces are transferred to a worker', () => {
  for (const engine of ['native', 'wasm'] as const) {
    test(`on ${engine}, with refinement`, async () => {
      const config = smallVocoderConfig()
      const parameters = randomParameters(config.network, 1)
      const denoiser = new Denoiser(config, await createEngine(config.network, parameters, { engine, threads: 1 }))
      const vocoder = new Vocoder(denoiser)
      const options = { seed: 1, steps: 1, refine: 2 }
      const { samples } = await vocoder.synthesize(someMel(12), options)
      assert.deepEqual(await transferred(vocoder.stream(someMel(12), { ...options, chunkFrames: 3 })), samples)
      await vocoder.dispose()
    })
  }
})

/** The audio of a stream, each of whose pieces is detached as soon as it arrives. */
async function transferred(stream: AsyncIterable<Float32Array<ArrayBuffer>>): Promise<Float32Array> {
  const received: number[] = []
  for await (const piece of stream) {
    assert.equal(piece.buffer.byteLength, piece.byteLength)
    received.push(...structuredClone(piece, { transfer: [piece.buffer] }))
  }
  return Float32Array.from(received)
}
