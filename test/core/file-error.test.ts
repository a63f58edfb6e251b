/** Errors of the file system, as reading and writing throw them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileError } from '#src/core/file-error'
import { checkFolder, makeFolder } from '#src/core/make-folder'
import { readFileBytes } from '#src/core/read-file'
import { checkWritable, writeFileBytes, writeFilePieces } from '#src/core/write-file'
import { checkNewModelFolder } from '#src/model/folder'
import { hasCheckpoint } from '#src/training/run/checkpoint'
import { code } from '../support/errors.js'
import { distUrl } from '../support/paths.js'
import { scratchFolder } from '../support/scratch.js'

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text)
}

test('errors of the file system are typed', async () => {
  const folder = scratchFolder('error')
  writeFileSync(join(folder, 'file'), '')
  await assert.rejects(writeFileBytes(folder, ''), code('NOT_A_FILE'))
  await assert.rejects(writeFileBytes(join(folder, 'none', 'a'), ''), code('NOT_WRITABLE'))
  await assert.rejects(writeFileBytes(join(folder, 'file', 'a'), ''), code('NOT_A_DIRECTORY'))
  await assert.rejects(checkWritable(join(folder, 'file', 'a')), code('NOT_A_DIRECTORY'))
  await assert.rejects(checkWritable(join(folder, 'none', 'a')), code('NOT_WRITABLE'))
  await assert.rejects(writeFilePieces(folder, pieces('a')), code('NOT_A_FILE'))
  assert.equal(fileError(Object.assign(new Error('full'), { code: 'EDQUOT' }), 'a', 'write').code, 'DISK_FULL')
})

test('a name that is too long is an error of reading or writing, as the file was to be', async () => {
  const path = join(scratchFolder('error'), `${'x'.repeat(300)}.wav`)
  const tooLong = (code: string) => ({
    code,
    message: /^the name is too long \(.{100}\)$/,
    hint: /^Choose a shorter one/,
  })
  await assert.rejects(readFileBytes(path), tooLong('NOT_READABLE'))
  for (const write of [checkWritable, checkFolder, makeFolder, checkNewModelFolder, hasCheckpoint]) {
    await assert.rejects(write(path), tooLong('NOT_WRITABLE'), write.name)
  }
  await assert.rejects(writeFileBytes(path, ''), tooLong('NOT_WRITABLE'))
  await assert.rejects(writeFilePieces(path, pieces('a')), tooLong('NOT_WRITABLE'))
})

test('under Node’s permission model an error of writing names a flag that allows it', () => {
  const folder = scratchFolder('error')
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission'
  const write = (...flags: readonly string[]) =>
    spawnSync(
      process.execPath,
      [
        ...['--no-warnings', permission, '--allow-fs-read=*', ...flags, '--input-type=module', '-e'],
        `const { writeFileBytes } = await import(${JSON.stringify(distUrl('core/write-file.js'))})
         await writeFileBytes('a.wav', '').then(() => console.log('written'), e => console.log(e.code, e.hint))`,
      ],
      { encoding: 'utf8', cwd: folder },
    ).stdout.trim()
  const [, flag = ''] = /^NOT_WRITABLE Start Node with (--allow-fs-write=.*)\.$/.exec(write()) ?? []
  assert.equal(write(flag), 'written')
})
