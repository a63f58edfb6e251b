/** Reading files. */
import assert from 'node:assert/strict'
import { truncateSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
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

test('a file that becomes shorter while it is read has the bytes that are left', { timeout: 5000 }, async context => {
  const path = join(scratchFolder('shorter'), 'large')
  writeFileSync(path, new Uint8Array(2 ** 21))
  const probe = await open(path)
  const handles = Object.getPrototypeOf(probe)
  await probe.close()
  const { read } = handles
  context.mock.method(handles, 'read', function (this: FileHandle, ...request: readonly unknown[]) {
    truncateSync(path, 5)
    return read.apply(this, request)
  })
  assert.equal((await readFileBytes(path)).length, 5)
})
