/** A checkpoint survives a power failure: it and its place in the folder are on the disk before training goes on. */
import assert from 'node:assert/strict'
import { type FileHandle, open } from 'node:fs/promises'
import { test } from 'node:test'
import { Adam } from '#src/training/optimiser/adam'
import { writeCheckpoint } from '#src/training/run/checkpoint'
import { scratchFolder } from '../../support/scratch.js'

test('a checkpoint is flushed to the disk, and then its folder', async context => {
  if (process.platform === 'win32') return context.skip('folders cannot be flushed')
  const folder = scratchFolder('flushed')
  const probe = await open(folder)
  const handles = Object.getPrototypeOf(probe) as FileHandle
  await probe.close()
  const flushed: string[] = []
  const sync = handles.sync
  context.mock.method(handles, 'sync', async function (this: FileHandle) {
    flushed.push((await this.stat()).isDirectory() ? 'folder' : 'file')
    return sync.call(this)
  })
  await writeCheckpoint(folder, { weights: new Map(), average: new Map(), adam: new Adam() }, {} as never)
  assert.deepEqual(flushed, ['file', 'folder'])
})
