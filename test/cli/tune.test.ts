/** `diffwave tune` as a process. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import { writeModelFolder } from '#src/model/folder'
import { readModel } from '#src/model/read-model'
import type { TunedSchedule } from '#src/tuning/tune'
import { smallVocoder } from '../support/cli-inputs.js'
import { inRepository } from '../support/paths.js'
import { called, jsonLines, scratch } from '../support/process.js'

const { at, put } = scratch()
const recordings = [0, 1].map(draw =>
  put(`${draw}.wav`, encodeWav({ samples: gaussian(2, draw, 0, 3000).map(x => x / 20), sampleRate: 22050 })),
)
const short = ['--evaluations', '4', '--seconds', '0.1']
const configOf = (folder: string) => JSON.parse(readFileSync(`${folder}/config.json`, 'utf8'))

test('tune writes better schedules into the config, and nothing with --dry-run', async () => {
  const model = at('model')
  await writeModelFolder(model, await readModel(smallVocoder))
  const before = configOf(model)
  const args = ['--json', 'tune', ...recordings, '-m', model, ...short, '--steps', '2', '3']
  const dry = called([...args, '--dry-run'])
  assert.equal(dry.status, 0, dry.stderr)
  assert.deepEqual(configOf(model), before)
  const run = called(args)
  assert.equal(run.status, 0, run.stderr)
  assert.equal(run.stdout, dry.stdout)
  const found = jsonLines(run.stdout) as unknown as TunedSchedule[]
  assert.deepEqual(
    found.map(({ steps }) => steps),
    [2, 3],
  )
  const { sampling } = configOf(model).diffusion
  for (const { steps, better, betas, sampler, distance, derived } of found) {
    assert.equal(better, distance < derived)
    assert.deepEqual(sampling[steps], better ? { betas, sampler } : undefined)
  }
  assert.deepEqual(sampling['6'], before.diffusion.sampling['6'])
})

describe('tune with -o', () => {
  test('writes a model folder, and overwrites one only with --force', async () => {
    const args = ['tune', ...recordings, '-m', smallVocoder, ...short, '--steps', '2', '-o', at('tuned')]
    const run = called(args)
    assert.equal(run.status, 0, run.stderr)
    const [{ parameters }, original] = [await readModel(at('tuned')), await readModel(smallVocoder)]
    assert.deepEqual(parameters, original.parameters)
    const again = called(args)
    assert.deepEqual([again.status, /--force/.test(again.stderr)], [2, true])
    assert.equal(called([...args, '--force']).status, 0)
  })
})

test('tune goes on without recordings that cannot be used, and exits with status 1', () => {
  const brief = put('brief.wav', encodeWav({ samples: new Float32Array(100), sampleRate: 22050 }))
  const loud = gaussian(2, 2, 0, 3000).map(x => 3000 * x)
  const integers = put('integers.wav', encodeWav({ samples: loud, sampleRate: 22050 }, { format: '32f' }))
  const inputs = [put('a.wav', 'no recording'), brief, integers, ...recordings]
  const args = ['tune', ...inputs, '-m', smallVocoder, ...short, '--steps', '2']
  const run = called([...args, '-o', at('others')])
  assert.equal(run.status, 1, run.stderr)
  assert.match(run.stderr, /^error\[UNSUPPORTED_FORMAT\]: .*a\.wav/m)
  assert.match(run.stderr, /^error\[BAD_AUDIO\]: a recording is too short to tune on.*brief\.wav/m)
  assert.match(run.stderr, /^error\[BAD_AUDIO\]: the scale of a recording is wrong.*integers\.wav/m)
  assert.match(run.stdout, /^2 steps: /)
  assert.ok(existsSync(`${at('others')}/config.json`))
})

test('leaves no copy if tuning fails', () => {
  const tune = (output: string, steps: string) =>
    called(['tune', ...recordings, '-m', smallVocoder, ...short, '--steps', steps, '-o', output])
  const run = tune(at('untuned'), '65')
  assert.equal(run.status, 2, run.stderr)
  assert.ok(!existsSync(at('untuned')))
  assert.match(tune(`${put('file', '')}/tuned`, '2').stderr, /^error\[NOT_A_DIRECTORY\]/)
})

describe('tune refuses', () => {
  test('to change a shipped model, by name or by path', () => {
    const shipped = inRepository('models/speech')
    const before = readFileSync(`${shipped}/config.json`)
    for (const model of ['speech', shipped]) {
      for (const output of [[], ['-o', shipped, '--force']]) {
        const run = called(['tune', recordings[0]!, '-m', model, '--steps', '2', ...short, ...output])
        assert.equal(run.status, 2, run.stderr)
        assert.match(run.stderr, /^error\[BAD_OPTION\]: a shipped model cannot be changed.*\nhint: .*-o/)
      }
    }
    assert.deepEqual(readFileSync(`${shipped}/config.json`), before)
  })

  test('to change a cached model by address', () => {
    const run = called(['tune', recordings[0]!, '-m', 'http://localhost:9/voice', '--steps', '2'])
    assert.equal(run.status, 2, run.stderr)
    assert.match(run.stderr, /^error\[BAD_OPTION\]: a model by address cannot be changed.*\nhint: .*-o/)
  })

  test('a checkpoint without a config to write, and a call without --steps', () => {
    const run = called(['tune', recordings[0]!, '-m', smallVocoder, '--steps', '2'])
    assert.equal(run.status, 2, run.stderr)
    assert.match(run.stderr, /^error\[BAD_OPTION\][\s\S]*hint: .*convert/)
    assert.equal(called(['tune', recordings[0]!, '-m', smallVocoder]).status, 2)
  })
})
