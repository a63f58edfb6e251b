/** A stream whose output goes through corrections. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortError } from '#src/core/errors'
import { CorrectedStream } from '#src/engines/corrected/corrected-stream'
import type { FrameStream, NoiseStream } from '#src/engines/engine'

test('a stream that is stopped in a correction is disposed of, with all its parts', async () => {
  const disposed: string[] = []
  const inner: NoiseStream = {
    latency: 0,
    pushMel: () => undefined,
    predict: async (_, audio) => audio,
    dispose: () => disposed.push('inner'),
  }
  const correction = (name: string): FrameStream => ({
    pushMel: () => undefined,
    push: () => Promise.reject(abortError()),
    dispose: () => disposed.push(name),
  })
  const stream = new CorrectedStream(inner, [correction('first'), correction('second')], 8)
  await assert.rejects(stream.predict(0, new Float32Array(16), false), { code: 'ABORTED' })
  assert.deepEqual(disposed, ['inner', 'first', 'second'])
})
