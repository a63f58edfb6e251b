/** Training runs to watch. */
import assert from 'node:assert/strict'
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { decodeEvents } from '#src/formats/tfevents'
import { encodeEvent, frameRecord } from '#src/formats/tfevents-writer'
import { type RunFolder, TrainingRuns } from '#src/server/training-runs'
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

describe('training runs', () => {
  test('are found below a folder, or named themselves', async () => {
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
  })

  test('have their log, from a step on, without half a line', async () => {
    const steps = async (path: string) =>
      ((await getJson(service, path)) as { lines: { step: number }[] }).lines.map(({ step }) => step)
    assert.deepEqual(await steps('/v1/runs/first/metrics'), [1, 2, 3])
    assert.deepEqual(await steps('/v1/runs/first/metrics?after=2'), [3])
    assert.deepEqual(await steps('/v1/runs/second/metrics'), [])
  })

  test('tell what is added to their log', async () => {
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

  test('have the clips of their event files', async () => {
    const { clips } = (await getJson(service, '/v1/runs/first/clips')) as { clips: { id: string; step: number }[] }
    assert.deepEqual(
      clips.map(({ step }) => step),
      [100, 200],
    )
    const clip = await fetch(`${service.url}/v1/runs/first/clips/${clips[1]!.id}`)
    assert.deepEqual(new Uint8Array(await clip.arrayBuffer()), encodeWav(audio))
    await problem(await fetch(`${service.url}/v1/runs/first/clips/9-9`), 404, 'NOT_FOUND')
  })

  test('are known by name alone', async () => {
    for (const name of ['nope', 'other', '%2e%2e%2fother', '__proto__', '%2fetc']) {
      await problem(await fetch(`${service.url}/v1/runs/${name}/metrics`), 404, 'UNKNOWN_RUN')
    }
  })
})

describe('a run that is removed while it is read', () => {
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

  test('does not keep the others from being listed', async () => {
    lost.put('gone/metrics.jsonl', line(1))
    lost.put('here/metrics.jsonl', line(1))
    const names = (await runs.list()).map(({ name }) => name)
    assert.ok(names.includes('here'))
  })

  test('is an unknown one, not a failure of the service', async () => {
    const unknown = { code: 'UNKNOWN_RUN', status: 404 }
    for (const read of [() => runs.metrics('gone', 0), () => runs.clips('gone'), () => runs.clip('gone', '0-0')]) {
      lost.put('gone/metrics.jsonl', line(1))
      await assert.rejects(read, unknown)
    }
  })
})

describe('event files', () => {
  test('that are cut off or damaged hold what is whole', () => {
    const bytes = new Uint8Array(Buffer.concat([record(100), record(200)]))
    for (let cut = 0; cut < bytes.length; cut += 7) {
      const whole = cut >= record(100).length ? 1 : 0
      assert.equal(decodeEvents(bytes.subarray(0, cut)).length, whole)
    }
    for (let at = 0; at < bytes.length; at += 11) {
      const damaged = bytes.slice()
      damaged[at]! ^= 0xff
      assert.ok(decodeEvents(damaged).length <= 2)
    }
  })
})
