/** Temporary files that dead processes left. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tidyOnce } from '#src/core/temporary'
import { scratchFolder } from '../support/scratch.js'

test('a folder is tidied once, and again after writing into a thousand others', async () => {
  const folder = scratchFolder('tidied')
  // No process has an id above 2 ** 22.
  const left = join(folder, 'a.wav.9999999-1-.0123456789ab.tmp')
  const others = async (count: number) => {
    for (let i = 0; i < count; i++) await tidyOnce(join(folder, String(i)))
  }
  const isRemoved = async () => {
    writeFileSync(left, '')
    await tidyOnce(folder)
    return !existsSync(left)
  }
  assert.equal(await isRemoved(), true)
  await others(999)
  assert.equal(await isRemoved(), false)
  await others(1000)
  assert.equal(await isRemoved(), true)
})
