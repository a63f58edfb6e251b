/** Decoder threads: each answer goes to its request, and a thread that fails or is given up costs nothing else. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { namedConventions } from '#src/audio/mel/convention'
import { encodeNpy } from '#src/formats/npy'
import { DecoderPool } from '#src/server/decoding/decoder-pool'
import { type TaskName, tasks } from '#src/server/decoding/tasks'
import { KnownProblem } from '#src/server/problem'
import { noiseWav } from '../support/cli-inputs.js'
import { code } from '../support/errors.js'
import { loadedBy } from '../support/loaded-by.js'
import { inRepository } from '../support/paths.js'

const never = new AbortController().signal
const request = (samples: number) => ({ bytes: noiseWav(0, samples), sampleRate: null, maxSeconds: 10 })

describe('decoder threads', () => {
  test('answer each request, and serve again', async context => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const threads: Worker[] = []
    const count = (thread: Worker) => threads.push(thread)
    process.on('worker', count)
    const pool = new DecoderPool({ threads: 2, seconds: 60 })
    const length = async (samples: number, signal = never) =>
      (await pool.run('recording', request(samples), signal)).samples.length
    // Neither a signal nor a time limit ends a thread that is done.
    const leave = new AbortController()
    assert.equal(await length(100, leave.signal), 100)
    leave.abort()
    context.mock.timers.tick(60_000)
    assert.equal(await length(200), 200)
    assert.equal(threads.length, 1)
    assert.deepEqual(await Promise.all([300, 400, 500].map(samples => length(samples))), [300, 400, 500])
    assert.equal(threads.length, 2)

    // A refusal and a fault leave the thread as it is.
    const broken = { ...request(1), bytes: new Uint8Array(100) }
    await assert.rejects(pool.run('recording', broken, never), (error: unknown) => {
      return error instanceof KnownProblem && error.problem.code === 'UNSUPPORTED_FORMAT'
    })
    await assert.rejects(pool.run('unheard-of' as TaskName, request(1), never), /TypeError/)
    assert.equal(threads.length, 2)

    // What is late or no longer wanted is not the answer to the next request.
    const gone = new AbortController()
    const both = [length(600, gone.signal), length(700)]
    const waiting = length(800, gone.signal)
    gone.abort()
    await assert.rejects(both[0]!, code('ABORTED'))
    await assert.rejects(waiting, code('ABORTED'))
    assert.equal(await both[1], 700)
    const inTime = length(850)
    context.mock.timers.tick(59_999)
    assert.equal(await inTime, 850)
    const late = length(900)
    context.mock.timers.tick(60_000)
    await assert.rejects(late, { code: 'WORK_TIMEOUT' })
    assert.equal(await length(1000), 1000)

    const last = length(1100)
    await pool.close()
    await assert.rejects(length(1), code('DISPOSED'))
    assert.equal(await last, 1100)
    for (const thread of threads) if (thread.threadId >= 0) await once(thread, 'exit')
    process.off('worker', count)
  })

  test('are replaced if they end while they have nothing to do', async () => {
    const threads: Worker[] = []
    const count = (thread: Worker) => threads.push(thread)
    process.on('worker', count)
    const pool = new DecoderPool({ threads: 1, seconds: 5 })
    const length = async () => (await pool.run('recording', request(100), never)).samples.length
    assert.equal(await length(), 100)
    // As after running out of memory, which a thread may report late.
    threads[0]!.emit('error', new Error('out of memory'))
    await threads[0]!.terminate()
    assert.equal(await length(), 100)
    assert.equal(threads.length, 2)
    await pool.close()
    process.off('worker', count)
  })

  test('start without what only studying needs', () => {
    const { files, packages } = loadedBy(inRepository('dist/server/decoding/decoder-thread.js'))
    assert.ok(files.size > 40 && files.size <= 60, `${files.size} files`)
    assert.deepEqual(
      [...packages].filter(name => name.startsWith('meyda')),
      [],
    )
  })

  test('resample a recording on request, and say so', async () => {
    const notes = async (sampleRate: number | null) => {
      const recording = await tasks.recording({ ...request(2205), sampleRate })
      assert.equal(recording.samples.length, (recording.sampleRate * 2205) / 22_050)
      return [recording.sampleRate, recording.notes]
    }
    for (const own of [null, 22_050]) assert.deepEqual(await notes(own), [22_050, []])
    assert.deepEqual(await notes(8000), [8000, ['The recording was resampled from 22050 to 8000 Hz.']])
  })

  test('read a mel or a recording for a vocoder, and say what is odd about it', async () => {
    const asked = { convention: namedConventions.hifigan, maxSeconds: (80 * 256) / 22_050, mel: {} }
    const mel = (frames: number, value: number) =>
      encodeNpy({ shape: [80, frames], data: new Float32Array(80 * frames).fill(value) })
    const read = await tasks.vocoderInput({ ...asked, bytes: mel(80, -4) })
    assert.deepEqual([read.length, read.recording], [80 * 256, null])
    assert.match(read.notes.join(), /The mel is square/)
    const long = { ...asked, bytes: mel(81, -4) }
    await assert.rejects(tasks.vocoderInput(long), { code: 'TOO_LARGE' })
    const infinite = { ...asked, bytes: mel(8, Number.POSITIVE_INFINITY) }
    await assert.rejects(tasks.vocoderInput(infinite), { code: 'NOT_FINITE', where: 'the body, band 0, frame 0' })
    // The mel has no frame for the last 100 samples.
    const copied = await tasks.vocoderInput({ ...asked, bytes: noiseWav(0, 1124) })
    assert.deepEqual([copied.length, copied.recording!.length, copied.notes], [1024, 1124, []])
  })

  test('compare copies with a recording that is long enough', async () => {
    const original = new Float32Array(2048).fill(0.1)
    const [same] = await tasks.measured({ original, made: [original], sampleRate: 22_050 })
    assert.equal(same!.logMel, 0)
    const short = { original: original.subarray(1), made: [original], sampleRate: 22_050 }
    await assert.rejects(tasks.measured(short), code('BAD_AUDIO'))
  })
})
