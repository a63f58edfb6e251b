/** tune as a process: what it writes, and where it writes nothing. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import { writeModelFolder } from '#src/model/folder'
import { readModel } from '#src/model/read-model'
import { golden, inRepository } from '../support/paths.js'

const folder = mkdtempSync(join(tmpdir(), 'diffwave-tune-'))
after(() => rmSync(folder, { recursive: true }))
const recordings = [0, 1].map(draw => {
  const path = join(folder, `${draw}.wav`)
  writeFileSync(path, encodeWav({ samples: gaussian(2, draw, 0, 3000).map(x => x / 20), sampleRate: 22050 }))
  return path
})
const checkpoint = golden('lmnt-conditional-c8-l6/weights.pt')
const diffwave = (...args: string[]) =>
  spawnSync(process.execPath, [inRepository('dist/cli/main.js'), ...args, '--engine', 'tensorflow:wasm'], {
    encoding: 'utf8',
  })

test('tune writes what is better into the config, and nothing on a dry run', async () => {
  const model = join(folder, 'model')
  await writeModelFolder(model, await readModel(checkpoint))
  cpSync(model, join(folder, 'copy'), { recursive: true })
  const config = () => JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'))
  const before = config()
  const args = [
    '--json',
    'tune',
    ...recordings,
    '-m',
    model,
    '--evaluations',
    '4',
    '--seconds',
    '0.1',
    '--steps',
    '2',
    '3',
  ]
  const dry = diffwave(...args, '--dry-run')
  assert.equal(dry.status, 0, dry.stderr)
  assert.deepEqual(config(), before)
  const run = diffwave(...args)
  assert.equal(run.status, 0, run.stderr)
  assert.equal(run.stdout, dry.stdout)
  const found = run.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(
    found.map(({ steps }) => steps),
    [2, 3],
  )
  for (const { steps, better, betas, sampler, distance, derived } of found) {
    assert.equal(better, distance < derived)
    assert.deepEqual(config().diffusion.sampling[steps], better ? { betas, sampler } : undefined)
  }
  assert.deepEqual(config().diffusion.sampling['6'], before.diffusion.sampling['6'])
})

test('refused: a checkpoint has no config to write; no number of steps', () => {
  const run = diffwave('tune', recordings[0]!, '-m', checkpoint, '--steps', '2')
  assert.equal(run.status, 2, run.stderr)
  assert.match(run.stderr, /^error\[BAD_OPTION\][\s\S]*hint: .*convert/)
  assert.equal(diffwave('tune', recordings[0]!, '-m', checkpoint).status, 2)
})
