/** Making folders. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { makeFolder } from '#src/core/make-folder'
import { code } from '../support/errors.js'
import { distUrl } from '../support/paths.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder('folders')

describe('makeFolder', () => {
  test('makes a folder and its parents, and leaves an existing one', async () => {
    const folder = join(scratch, 'one', 'two', 'three')
    await makeFolder(folder)
    await makeFolder(folder)
    assert.ok(statSync(folder).isDirectory())
  })

  test('succeeds for many calls at once with the same path', async () => {
    for (let round = 0; round < 100; round++) {
      const folder = join(scratch, String(round), 'one', 'two')
      const later = async (turns: number) => {
        for (let turn = 0; turn < turns; turn++) await nextTurn()
        await makeFolder(folder)
      }
      await Promise.all(Array.from({ length: 8 }, (_, i) => later(i)))
      assert.ok(statSync(folder).isDirectory())
    }
  })

  test('refuses a path that leads through a file', async () => {
    const file = join(scratch, 'plain')
    writeFileSync(file, '')
    await assert.rejects(makeFolder(file), code('NOT_A_DIRECTORY'))
    await assert.rejects(makeFolder(join(file, 'below', 'it')), code('NOT_A_DIRECTORY'))
  })

  const disk = join(scratch, 'disk')
  mkdirSync(disk)
  const onFullDisk = (command: string) =>
    spawnSync('unshare', ['-rm', 'sh', '-c', `mount -t tmpfs -o nr_inodes=1 none ${disk} && ${command}`], {
      encoding: 'utf8',
    })
  test('reports a full disk as DISK_FULL', {
    skip: onFullDisk('true').status === 0 ? false : 'no file system can be mounted here',
  }, () => {
    const script = `
      import { makeFolder } from ${JSON.stringify(distUrl('core/make-folder.js'))}
      for (const path of ['run', 'runs/one']) await makeFolder('${disk}/' + path).catch(e => console.log(e.code))`
    const { stdout, stderr } = onFullDisk(
      `${process.execPath} --input-type=module -e '${script.replaceAll("'", "'\\''")}'`,
    )
    assert.equal(stdout, 'DISK_FULL\nDISK_FULL\n', stderr)
  })
})
