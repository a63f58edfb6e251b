/** Training runs that a service shows. */
import assert from 'node:assert/strict'
import { appendFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { decodeEvents, recordsOf, soundsOf } from '#src/formats/tfevents'
import { encodeEvent, frameRecord } from '#src/formats/tfevents-writer'
import { EventFile } from '#src/server/event-file'
import { MAX_CLIP_RECORD_BYTES, MAX_LOG_BYTES } from '#src/server/limits'
import { RunLog } from '#src/server/run-log'
import { type RunFolder, TrainingRuns } from '#src/server/training-runs'
import { HttpClient } from '#studio/backend/http-client'
import { HttpRuns } from '#studio/backend/http-runs'
import { scratch } from '../support/process.js'
import { getJson, problem, testService } from '../support/service.js'

const { folder, put } = scratch()
const line = (step: number) => `${JSON.stringify({ step, loss: 1 / (step + 1) })}\n`
const audio = { samples: new Float32Array(800).fill(0.25), sampleRate: 8000 }
const record = (step: number) =>
  frameRecord(
    encodeEvent(1.5, step, [
      { kind: 'scalar', tag: 'loss', value: 0.5 },
      { kind: 'audio', tag: 'made', audio },
    ]),
  )

put('first/metrics.jsonl', line(1) + line(2) + line(3))
put('second/metrics.jsonl', '{"step": 1')
put('other/file.txt', 'no run')
put('first/events.out.tfevents.1.diffwave', Buffer.concat([record(100), record(200)]))
const service = await testService({ runs: [folder] })

describe('a training run', () => {
  test('is found in a folder of runs, or named itself', async () => {
    const { runs } = (await getJson(service, '/v1/runs')) as { runs: { name: string; hasModel: boolean }[] }
    assert.deepEqual(
      runs.map(({ name, hasModel }) => [name, hasModel]),
      [
        ['first', false],
        ['second', false],
      ],
    )
    const alone = await testService({ runs: [join(folder, 'first'), join(folder, 'first')] })
    const found = (await getJson(alone, '/v1/runs')) as { runs: { name: string }[] }
    assert.deepEqual(
      found.runs.map(({ name }) => name),
      ['first', 'first-2'],
    )
    const linked = scratch()
    symlinkSync(join(folder, 'first'), join(linked.folder, 'elsewhere'))
    linked.put('file.txt', 'no run')
    assert.deepEqual([...(await new TrainingRuns([linked.folder, linked.at('gone')]).folders()).keys()], ['elsewhere'])
  })

  test('has its log from a given step on, without an incomplete line', async () => {
    const steps = async (path: string) =>
      ((await getJson(service, path)) as { lines: { step: number }[] }).lines.map(({ step }) => step)
    assert.deepEqual(await steps('/v1/runs/first/metrics'), [1, 2, 3])
    assert.deepEqual(await steps('/v1/runs/first/metrics?after=2'), [3])
    assert.deepEqual(await steps('/v1/runs/second/metrics'), [])
    appendFileSync(join(folder, 'second', 'metrics.jsonl'), '}')
    assert.deepEqual(await steps('/v1/runs/second/metrics'), [1])
  })

  test('sends new lines of its log as events', async () => {
    const leave = new AbortController()
    const response = await fetch(`${service.url}/v1/runs/first/events?after=2`, { signal: leave.signal })
    const reader = response.body!.getReader()
    let text = ''
    const read = async (until: RegExp) => {
      while (!until.test(text)) text += Buffer.from((await reader.read()).value!).toString()
    }
    await read(/id: 3\nevent: metrics\ndata: \{"step":3/)
    appendFileSync(join(folder, 'first', 'metrics.jsonl'), line(4))
    await read(/id: 4\nevent: metrics/)
    assert.doesNotMatch(text, /id: [12]\n/)
    leave.abort()
  })

  test('is sent to its end, however long its log is', async () => {
    const long = scratch()
    const note = 'x'.repeat(10_000)
    const longLine = (step: number) => `${JSON.stringify({ step, loss: 1, note })}\n`
    const count = Math.ceil((1.2 * MAX_LOG_BYTES) / longLine(1000).length)
    const log = long.put('run/metrics.jsonl', Array.from({ length: count }, (_, step) => longLine(step)).join(''))
    const { url } = await testService({ runs: [long.folder] })
    const runs = new HttpRuns(new HttpClient(url, () => ''))
    const stop = new AbortController()
    let seen = -1
    let parts = 0
    await assert.rejects(
      async () => {
        for await (const lines of runs.metrics('run', stop.signal)) {
          for (const { step } of lines) assert.equal(step, ++seen)
          if (lines.length > 1) parts++
          if (seen === count - 1) appendFileSync(log, longLine(count))
          if (seen === count) stop.abort()
        }
        stop.signal.throwIfAborted()
      },
      { name: 'AbortError' },
    )
    assert.equal(seen, count)
    assert.ok(parts >= 2, `${parts} parts`)
  })

  test('sends each step once if its log is cut back', async () => {
    const cut = scratch()
    const log = cut.put('run/metrics.jsonl', line(1) + line(2) + line(3))
    const { url } = await testService({ runs: [cut.folder] })
    const leave = new AbortController()
    const response = await fetch(`${url}/v1/runs/run/events`, { signal: leave.signal })
    const reader = response.body!.getReader()
    let text = ''
    const read = async (until: RegExp) => {
      while (!until.test(text)) text += Buffer.from((await reader.read()).value!).toString()
    }
    await read(/id: 3\n/)
    writeFileSync(log, line(1))
    await setTimeout(1500)
    appendFileSync(log, line(2) + line(3) + line(4))
    await read(/id: 4\n/)
    assert.deepEqual(text.match(/id: \d/g), ['id: 1', 'id: 2', 'id: 3', 'id: 4'])
    leave.abort()
  })

  test('starts its log again if the log is cut back while it is read', async () => {
    const cut = scratch()
    const path = cut.put('run/metrics.jsonl', line(1) + line(2))
    const log = new RunLog(path)
    const steps: number[][] = []
    for (let reading = 0; reading < 2; reading++) {
      const read: number[] = []
      for await (const { lines } of log.added()) {
        read.push(...lines.map(({ step }) => step))
        writeFileSync(path, line(1))
      }
      steps.push(read)
    }
    assert.deepEqual(steps, [[1, 2], [1]])
    // Begun anew between two readings, it is read at once.
    writeFileSync(path, '{"step":7}\n')
    const last: number[] = []
    for await (const { lines } of log.added()) last.push(...lines.map(({ step }) => step))
    assert.deepEqual(last, [7])
  })

  test('has the clips of its event files', async () => {
    const { clips } = (await getJson(service, '/v1/runs/first/clips')) as { clips: { id: string; step: number }[] }
    assert.deepEqual(
      clips.map(({ step }) => step),
      [100, 200],
    )
    const clip = await fetch(`${service.url}/v1/runs/first/clips/${clips[1]!.id}`)
    assert.deepEqual(new Uint8Array(await clip.arrayBuffer()), encodeWav(audio))
    for (const id of ['9-9', '0-9', '9-0', '0-', 'x', '0-0-0']) {
      await problem(await fetch(`${service.url}/v1/runs/first/clips/${id}`), 404, 'NOT_FOUND')
    }
  })

  test('reads one event file for a clip, however many there are', async context => {
    const started = scratch()
    started.put('run/metrics.jsonl', line(1))
    for (let i = 0; i < 5; i++) started.put(`run/events.out.tfevents.${i}.diffwave`, record(i))
    const looks = context.mock.method(EventFile.prototype, 'clips')
    const wav = await new TrainingRuns([started.folder]).clip('run', '3-0')
    assert.deepEqual(new Uint8Array(wav), encodeWav(audio))
    assert.equal(looks.mock.callCount(), 1)
  })

  test('is known only by its name', async () => {
    for (const name of ['nope', 'other', '%2e%2e%2fother', '__proto__', '%2fetc']) {
      await problem(await fetch(`${service.url}/v1/runs/${name}/metrics`), 404, 'UNKNOWN_RUN')
    }
  })
})

describe('a training run that is removed while it is read', () => {
  /** Runs that lose a folder right after it was found. */
  class Losing extends TrainingRuns {
    override async folders(): Promise<ReadonlyMap<string, RunFolder>> {
      const found = await super.folders()
      rmSync(lost.at('gone'), { recursive: true, force: true })
      return found
    }
  }
  const lost = scratch()
  const runs = new Losing([lost.folder])

  test('does not prevent listing the other runs', async () => {
    lost.put('gone/metrics.jsonl', line(1))
    lost.put('here/metrics.jsonl', line(1))
    const names = (await runs.list()).map(({ name }) => name)
    assert.ok(names.includes('here'))
  })

  test('is an unknown run, not a fault of the service', async () => {
    const unknown = { code: 'UNKNOWN_RUN', status: 404 }
    for (const read of [() => runs.metrics('gone', 0), () => runs.clips('gone'), () => runs.clip('gone', '0-0')]) {
      lost.put('gone/metrics.jsonl', line(1))
      await assert.rejects(read, unknown)
    }
  })
})

describe('an event file', () => {
  const { put } = scratch()
  const wavOf = async (file: EventFile, i: number) => new Uint8Array((await file.wav((await file.clips())[i]!))!)

  test('is read further as it grows, even across half a record', async () => {
    const [one, two, three] = [record(100), record(200), record(300)]
    const path = put('events', Buffer.concat([one, two.subarray(0, 20)]))
    const file = new EventFile(path)
    const steps = async () => (await file.clips()).map(({ step }) => step)
    assert.deepEqual(await steps(), [100])
    appendFileSync(path, Buffer.concat([two.subarray(20), three]))
    assert.deepEqual(await Promise.all([steps(), steps()]), [
      [100, 200, 300],
      [100, 200, 300],
    ])
    assert.deepEqual(await wavOf(file, 1), encodeWav(audio))
    writeFileSync(path, one)
    assert.deepEqual(await steps(), [100])
  })

  test('gives its last clip, after clips that are larger than what is read at a time', async () => {
    const big = frameRecord(
      encodeEvent(1.5, 1, [{ kind: 'audio', tag: 'big', audio: { ...audio, samples: new Float32Array(2 ** 20) } }]),
    )
    const many = Array.from({ length: 3 }, () => big)
    const file = new EventFile(put('large', Buffer.concat([...many, record(2)])))
    const clips = await file.clips()
    assert.equal(clips.length, 4)
    assert.deepEqual(await wavOf(file, 3), encodeWav(audio))
  })

  test('gives the clips after an event of excessive size', async () => {
    const huge = new Uint8Array(MAX_CLIP_RECORD_BYTES + 16)
    new DataView(huge.buffer).setBigUint64(0, BigInt(MAX_CLIP_RECORD_BYTES), true)
    const file = new EventFile(put('huge', Buffer.concat([huge, record(2)])))
    assert.deepEqual(
      (await file.clips()).map(({ step }) => step),
      [2],
    )
  })

  test('gives its whole records if it is truncated, and refuses damage', () => {
    const bytes = new Uint8Array(Buffer.concat([record(100), record(200)]))
    for (let cut = 0; cut < bytes.length; cut += 7) {
      const whole = cut >= record(100).length ? 1 : 0
      assert.equal(decodeEvents(bytes.subarray(0, cut), 'events').length, whole)
    }
    for (let at = 0; at < bytes.length; at += 11) {
      const damaged = bytes.slice()
      damaged[at]! ^= 0xff
      assert.throws(() => decodeEvents(damaged, 'events'), { code: 'CORRUPTED' }, `byte ${at}`)
      const sounds = [...recordsOf(damaged)].flatMap(({ event }) => soundsOf(event))
      assert.ok(sounds.length <= 2)
      if (at >= record(100).length) assert.deepEqual(sounds[0]!.wav, encodeWav(audio))
    }
  })
})
