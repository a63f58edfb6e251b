/** A folder as a source of model files. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { folderSource } from '#src/core/folder-source'
import { code } from '../support/errors.js'
import { scratchFolder } from '../support/scratch.js'

describe('folderSource', () => {
  const folder = scratchFolder('folder-source')
  mkdirSync(join(folder, 'below'))
  writeFileSync(join(folder, 'a.bin'), Uint8Array.of(1, 2, 3, 4))
  writeFileSync(join(folder, 'below', 'b.bin'), Uint8Array.of(5))
  const source = folderSource(folder)

  test('reads a whole file or a byte range of it', async () => {
    assert.deepEqual([...(await source.read('a.bin'))], [1, 2, 3, 4])
    assert.deepEqual([...(await source.read('a.bin', { range: { start: 1, end: 3 } }))], [2, 3])
    assert.deepEqual([...(await source.read('a.bin', { range: { start: 3, end: 2 ** 40 } }))], [4])
    assert.deepEqual([...(await source.read('a.bin', { range: { start: 7, end: 9 } }))], [])
  })

  test('lists the files of the folder and its subfolders', async () => {
    assert.deepEqual(await source.list!(), [{ name: 'a.bin' }, { name: join('below', 'b.bin') }])
  })

  test('refuses a missing file and one that is too large', async () => {
    await assert.rejects(source.read('c.bin'), code('FILE_NOT_FOUND', /c\.bin/))
    await assert.rejects(source.read('a.bin', { maxBytes: 3 }), code('TOO_LARGE', /a\.bin/))
    await assert.rejects(source.read('a.bin', { maxBytes: 1, range: { start: 0, end: 2 } }), code('TOO_LARGE'))
    await assert.rejects(source.read('c.bin', { range: { start: 0, end: 1 } }), code('FILE_NOT_FOUND', /c\.bin/))
  })
})
