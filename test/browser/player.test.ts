/** `playStream` with an audio context that plays at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { bytesInUse } from '../support/memory.js'

/** Settles once the worklet's program is loaded. */
let loading = Promise.resolve()
/** When a context was closed, in milliseconds. */
let closedAt = 0
/** Nodes that were made. */
let nodes = 0
class FakeNode {}
class FakeContext extends EventTarget {
  readonly sampleRate = 8000
  readonly state = 'running'
  readonly destination = new FakeNode()
  readonly audioWorklet = { addModule: () => loading }
  readonly baseLatency = 0.02
  readonly outputLatency = 0.08
  async close() {
    closedAt = performance.now()
  }
}
class FakeWorkletNode {
  readonly port = {
    onmessage: (_: { readonly data: object }) => {},
    postMessage: ({ samples }: { readonly samples: Float32Array | null }) => {
      if (samples === null) return
      this.#played += samples.length
      const data = { played: this.#played, missing: 0, ended: samples.length === 0 }
      queueMicrotask(() => this.port.onmessage({ data }))
    },
  }
  #played = 0
  readonly context: FakeContext
  constructor(context: FakeContext) {
    this.context = context
    nodes++
  }
  connect() {}
  disconnect() {}
}
Object.assign(globalThis, { AudioNode: FakeNode, AudioContext: FakeContext, AudioWorkletNode: FakeWorkletNode })
const { playStream } = await import('#src/browser/player')

test('a stream that is played keeps none of the pieces that were heard', async () => {
  const [pieces, samples] = [400, 8000]
  const before = await bytesInUse()
  let kept = 0
  const audio = {
    sampleRate: 8000,
    async *[Symbol.asyncIterator]() {
      for (let i = 0; i < pieces; i++) yield new Float32Array(samples)
      kept = (await bytesInUse()) - before
    },
  }
  const { seconds } = await playStream(audio, { workletUrl: 'player.js', signal: new AbortController().signal })
  assert.equal(seconds, (pieces * samples) / 8000)
  assert.ok(kept < (4 * pieces * samples) / 10, `${kept} bytes`)
})

test('a stream that is stopped while its worklet loads makes no node', async () => {
  const stop = new AbortController()
  let load = () => {}
  loading = new Promise(resolve => {
    load = resolve
  })
  nodes = 0
  const audio = { sampleRate: 8000, async *[Symbol.asyncIterator]() {} }
  const played = playStream(audio, { workletUrl: 'player.js', signal: stop.signal })
  stop.abort()
  await assert.rejects(played, { code: 'ABORTED' })
  load()
  await setImmediate()
  assert.equal(nodes, 0)
})

test('a stream is not cut off before its last sample has left the speakers', async () => {
  loading = Promise.resolve()
  let made = 0
  const audio = {
    sampleRate: 8000,
    async *[Symbol.asyncIterator]() {
      yield new Float32Array(80)
      made = performance.now()
    },
  }
  await playStream(audio, { workletUrl: 'player.js' })
  assert.ok(closedAt - made > 95, `${closedAt - made} ms`)
})
