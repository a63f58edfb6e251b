/** A full disk leaves the previous checkpoint intact, and the run continues from it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { writeFileBytes } from '#src/core/write-file'
import { code } from '../../support/errors.js'
import { config, train } from '../../support/training.js'
import { bytes, options, scratch } from '../../support/training-scratch.js'

test('a full disk is reported, and leaves the previous checkpoint', async () => {
  const run = options({ maxSteps: 3 })
  await train(run)
  const [before, files] = [bytes(run.out), readdirSync(run.out)]
  const handle = await open(join(run.out, 'probe'), 'w')
  const prototype = Object.getPrototypeOf(handle)
  await handle.close()
  rmSync(join(run.out, 'probe'))
  // Half of the bytes go through, then the disk is full.
  const full = mock.method(prototype, 'writeFile', async function (this: FileHandle, data: Uint8Array) {
    await this.write(data, 0, Math.floor(data.length / 2))
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  })
  try {
    await assert.rejects(
      writeFileBytes(join(run.out, 'checkpoint.safetensors'), new Uint8Array(1000)),
      code('DISK_FULL'),
    )
  } finally {
    full.mock.restore()
  }
  assert.deepEqual(bytes(run.out), before)
  assert.deepEqual(readdirSync(run.out), files)
  assert.equal((await train({ ...run, maxSteps: 6, resume: true })).step, 6)
})

/** A name space of mounts of our own, where the system grants one. */
const unshare = ['-rm', 'sh', '-c']
const mayMount = spawnSync('unshare', [...unshare, `mount -t tmpfs -o size=1m none ${tmpdir()}`]).status === 0

test('a run whose disk fills up continues once there is room', {
  skip: mayMount ? false : 'no file system can be mounted here',
}, () => {
  const helper = fileURLToPath(new URL('../../support/train-until-full.js', import.meta.url))
  const folder = join(scratch, 'small-disk')
  mkdirSync(folder)
  const command = `mount -t tmpfs -o size=32m none ${folder} && exec ${process.execPath} ${helper} ${folder}`
  const small = config()
  const { network } = small.model
  // Most of a checkpoint of several megabytes.
  const stepEmbedding = { ...network.stepEmbedding, size: 128, hidden: 512 }
  const { status, stdout, stderr } = spawnSync('unshare', [...unshare, command], {
    input: JSON.stringify({ ...small, model: { ...small.model, network: { ...network, stepEmbedding } } }),
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { code: 'DISK_FULL', intact: true, resumedTo: 9 })
})
