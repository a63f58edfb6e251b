/** Temporary files that dead processes left. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeAbandoned, tidyOnce } from '#src/core/temporary'
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

test('files of processes that cannot be seen stay for an hour, unless the folder is not shared', async () => {
  const folder = scratchFolder('unseen')
  // A pid namespace that is not this one's.
  const names = ['new', 'old'].map(age => `${age}.wav.1-1-00000000.1.0123456789ab.tmp`)
  for (const name of names) writeFileSync(join(folder, name), '')
  const [recent, old] = [59, 61].map(minutes => Date.now() / 1000 - 60 * minutes)
  utimesSync(join(folder, names[0]!), recent!, recent!)
  utimesSync(join(folder, names[1]!), old!, old!)
  await removeAbandoned(folder)
  assert.deepEqual(readdirSync(folder).sort(), [names[0]!])
  await removeAbandoned(folder, true)
  assert.deepEqual(readdirSync(folder), [])
})
