/** Streams that run the network window by window. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WindowedStream } from '#src/engines/windowed/windowed-stream'
import { type WindowRequest, windowShape } from '#src/engines/windowed/windows'
import { networkSchema } from '#src/model/network'

const network = networkSchema.parse({ channels: 2, layers: 1, dilationCycle: 1 })
const alive = { network, envelope: null, checkAlive: () => undefined }
const audio = new Float32Array(4 * windowShape(network).length)

describe('a windowed stream', () => {
  test('is disposed by an abort between windows, since those before it are lost', async () => {
    const controller = new AbortController()
    let windows = 0
    const predictWindow = async (request: WindowRequest) => {
      if (++windows === 2) controller.abort()
      return request.audio
    }
    const stream = new WindowedStream({ ...alive, predictWindow }, { steps: [1] })
    await assert.rejects(stream.predict(0, audio, false, controller.signal), { code: 'ABORTED' })
    assert.equal(windows, 2)
    await assert.rejects(stream.predict(0, audio, true), { code: 'DISPOSED' })
  })

  test('stays usable after it refused a piece', async () => {
    const stream = new WindowedStream({ ...alive, predictWindow: async ({ audio }) => audio }, { steps: [1] })
    await assert.rejects(
      stream.predict(
        0,
        audio.map(() => Number.NaN),
        true,
      ),
      { code: 'NOT_FINITE' },
    )
    assert.equal((await stream.predict(0, audio, true)).length, audio.length)
  })
})
