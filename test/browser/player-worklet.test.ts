/** The program of the audio worklet, in a scope of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

interface Processor {
  readonly port: { onmessage(event: { readonly data: { readonly samples: Float32Array | null } }): void }
  process(inputs: unknown, outputs: readonly (readonly Float32Array[])[]): boolean
}
type ProcessorClass = new (options: object) => Processor

test('a stopped player drops what it has not played, and ends', async () => {
  let Player: ProcessorClass | undefined
  class AudioWorkletProcessor {
    readonly port = { postMessage: () => {} }
  }
  Object.assign(globalThis, {
    AudioWorkletProcessor,
    registerProcessor: (_: string, registered: ProcessorClass) => (Player = registered),
  })
  await import('#src/browser/player-worklet')
  const player = new Player!({ processorOptions: { start: 0 } })
  const output = new Float32Array(128)
  player.port.onmessage({ data: { samples: new Float32Array(1000).fill(1) } })
  assert.equal(player.process([], [[output]]), true)
  assert.equal(output[127], 1)
  player.port.onmessage({ data: { samples: null } })
  output.fill(0)
  assert.equal(player.process([], [[output]]), false)
  assert.equal(output[127], 0)
})
