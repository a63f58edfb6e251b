/** Which files below a folder are recordings, links included. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { audioFiles, audioStem } from '#src/audio/audio-files'
import { labelledFiles } from '#src/audio/labels'
import type { DiffWaveError } from '#src/core/errors'
import { code } from '../support/errors.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder('audio-files')
let folders = 0
function newFolder(...files: readonly string[]): string {
  const folder = join(scratch, String(folders++))
  mkdirSync(folder)
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    writeFileSync(join(folder, file), '')
  }
  return folder
}

test('finds recordings by their extensions, in alphabetical order', async () => {
  const folder = newFolder('b.wav', 'a.FLAC', 'notes.txt', 'sub.wav/c.mp3', 'sub/d.opus')
  assert.deepEqual(await audioFiles(folder), ['a.FLAC', 'b.wav', join('sub.wav', 'c.mp3'), join('sub', 'd.opus')])
  assert.equal(audioStem('sub.wav/c.mp3'), 'sub.wav/c')
})

test('leaves out the ._ files that macOS writes on foreign disks', async () => {
  assert.deepEqual(await audioFiles(newFolder('a.wav', '._a.wav', 'sub/._b.wav')), ['a.wav'])
})

const isRoot = process.getuid?.() === 0
test('a walk fails at a subfolder that cannot be read, unless it may be left out', { skip: isRoot }, async () => {
  const folder = newFolder('a.wav', 'lost/b.wav')
  chmodSync(join(folder, 'lost'), 0)
  await assert.rejects(audioFiles(folder), code('NOT_READABLE', /lost/))
  const errors: DiffWaveError[] = []
  assert.deepEqual(await audioFiles(folder, { onUnreadable: error => errors.push(error) }), ['a.wav'])
  assert.deepEqual(
    errors.map(error => error.code),
    ['NOT_READABLE'],
  )
  const notes: string[] = []
  await labelledFiles(folder, { onNote: note => notes.push(note) })
  assert.match(notes[0]!, /^a folder is skipped: .*lost/)
  chmodSync(join(folder, 'lost'), 0o700)
})

test('a walk ends despite links that lead back to a parent folder', async () => {
  const folder = newFolder('one/01.wav')
  for (const link of ['l1', 'l2']) symlinkSync('.', join(folder, 'one', link))
  symlinkSync('..', join(folder, 'one', 'up'))
  assert.deepEqual(await audioFiles(folder), [join('one', '01.wav')])
  assert.deepEqual(await audioFiles(join(folder, 'one')), ['01.wav'])
})

test('a walk follows links to folders, and visits each folder once', async () => {
  const other = newFolder('x/e.wav')
  const folder = newFolder('z/f.wav')
  symlinkSync(other, join(folder, 'a'))
  symlinkSync(join(other, 'x'), join(folder, 'b'))
  symlinkSync('z', join(folder, 'c'))
  symlinkSync('z/f.wav', join(folder, 'g.wav'))
  assert.deepEqual(await audioFiles(folder), [join('a', 'x', 'e.wav'), 'g.wav', join('z', 'f.wav')])
})

test('a signal stops the walk', async () => {
  await assert.rejects(audioFiles(newFolder('a.wav'), { signal: AbortSignal.abort() }), code('ABORTED'))
})

test('a path that is not a folder is a typed error', async () => {
  await assert.rejects(audioFiles(join(scratch, 'none')), code('FILE_NOT_FOUND'))
  await assert.rejects(audioFiles(join(newFolder('a.wav'), 'a.wav')), code('NOT_A_DIRECTORY'))
})
