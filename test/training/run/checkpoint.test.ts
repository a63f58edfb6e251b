/** A checkpoint survives a power failure: it and its place in the folder are on the disk before training goes on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Adam } from '#src/training/optimiser/adam'
import { writeCheckpoint } from '#src/training/run/checkpoint'
import { beforeFlushes } from '../../support/flushes.js'
import { scratchFolder } from '../../support/scratch.js'

test('a checkpoint is flushed to the disk, and then its folder', async context => {
  if (process.platform === 'win32') return context.skip('folders cannot be flushed')
  const folder = scratchFolder('flushed')
  const flushed: string[] = []
  await beforeFlushes(context, folder, async handle => {
    flushed.push((await handle.stat()).isDirectory() ? 'folder' : 'file')
  })
  await writeCheckpoint(folder, { weights: new Map(), average: new Map(), adam: new Adam() }, {} as never)
  assert.deepEqual(flushed, ['file', 'folder'])
})
