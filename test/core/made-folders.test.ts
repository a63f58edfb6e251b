/** Folders that a failed run left empty. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { removeEmptyFolders, watchMadeFolders } from '#src/core/made-folders'
import { makeFolder } from '#src/core/make-folder'
import { scratchFolder } from '../support/scratch.js'

test('removeEmptyFolders removes only empty folders that were made while watched', async () => {
  const scratch = scratchFolder('made-folders')
  const [before, empty, full] = [join(scratch, 'before'), join(scratch, 'empty/below'), join(scratch, 'full/below')]
  await makeFolder(before)
  watchMadeFolders()
  await makeFolder(empty)
  await makeFolder(full)
  writeFileSync(join(dirname(full), 'file'), '')
  removeEmptyFolders()
  assert.deepEqual([before, dirname(empty), full, dirname(full)].map(existsSync), [true, false, false, true])
})
