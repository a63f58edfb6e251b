/** Killed runs are neither lost nor stuck, and leave nothing behind. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
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
  for (const calls of [7, 5]) {
    const child = spawn(process.execPath, [helper, out], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.end(JSON.stringify(whole.config))
    const exited = once(child, 'exit')
    let seen = 0
    // On a busy machine, a time would be over before the run has begun.
    for await (const _ of createInterface(child.stdout)) if (++seen === calls) child.kill('SIGKILL')
    assert.deepEqual(await exited, [null, 'SIGKILL'])
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
