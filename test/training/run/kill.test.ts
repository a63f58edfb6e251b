/** Killed runs are neither lost nor stuck, and leave nothing behind. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inRepository } from '../../support/paths.js'
import { train } from '../../support/training.js'
import { bytes, options, scratch } from '../../support/training-scratch.js'

test('a run that is killed at any moment continues to the same bytes', async () => {
  const whole = options({ maxSteps: 20 })
  await train(whole)
  const out = join(scratch, 'killed')
  const helper = fileURLToPath(new URL('../../support/train-slowly.js', import.meta.url))
  const started = (): ChildProcess => spawn(process.execPath, [helper, out], { stdio: ['pipe', 'ignore', 'inherit'] })
  for (const delay of [500, 700]) {
    const child = started()
    child.stdin!.end(JSON.stringify(whole.config))
    await new Promise(resolve => setTimeout(resolve, delay))
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('exit', resolve))
  }
  await train({ ...options({ out, resume: true }), maxSteps: 20 })
  assert.deepEqual(bytes(out), bytes(whole.out))
})

test('killed runs are neither lost nor stuck, and leave no files (stress-kill.mjs)', () => {
  const { stdout, stderr } = spawnSync(process.execPath, [inRepository('scripts/stress-kill.mjs'), '4'], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  const { kills, lost, stuck, temporaryFiles } = JSON.parse(stdout)
  assert.deepEqual({ kills, lost, stuck, temporaryFiles }, { kills: 4, lost: 0, stuck: [], temporaryFiles: 0 })
})
