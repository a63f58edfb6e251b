/** Reading whole files. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readFileBytes } from '#src/core/read-file'
import { code } from '../support/errors.js'
import { scratchFolder } from '../support/scratch.js'

test('a large file is read whole, unless a signal or a size limit stops it', async () => {
  const path = join(scratchFolder('read'), 'large')
  const bytes = Uint8Array.from({ length: 3_000_001 }, (_, i) => i * 7)
  writeFileSync(path, bytes)
  assert.deepEqual(new Uint8Array(await readFileBytes(path)), bytes)
  await assert.rejects(readFileBytes(path, { signal: AbortSignal.abort() }), code('ABORTED'))
  await assert.rejects(readFileBytes(path, { maxBytes: 3_000_000 }), code('TOO_LARGE'))
})
