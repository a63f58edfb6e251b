/** Killed runs are neither lost nor stuck, end with the bytes of an undisturbed run, and leave nothing behind. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { inRepository } from '../../support/paths.js'

test('killed runs are neither lost nor stuck, and leave no files (stress-kill.mjs)', () => {
  const { stdout, stderr } = spawnSync(process.execPath, [inRepository('scripts/stress-kill.mjs'), '3'], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  const { kills, lost, stuck, temporaryFiles } = JSON.parse(stdout)
  assert.deepEqual({ kills, lost, stuck, temporaryFiles }, { kills: 3, lost: 0, stuck: [], temporaryFiles: 0 })
})
