/** The lock of a training folder has one holder, however the previous holder died. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { identityTag, ownIdentity } from '#src/core/process-identity'
import { lockFolder } from '#src/training/run/lock'
import { code } from '../../support/errors.js'
import { inCase } from '../../support/in-case.js'
import { distUrl, inRepository } from '../../support/paths.js'
import { scratchFolder } from '../../support/scratch.js'

const scratch = scratchFolder('lock')
let folders = 0
function newFolder(lock?: string): string {
  const folder = join(scratch, String(folders++))
  mkdirSync(folder)
  if (lock !== undefined) writeFileSync(join(folder, 'lock.json'), lock)
  return folder
}
/** A process id that Linux never gives. */
const DEAD = 4_194_305
const stat = (pid: number | undefined) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')

describe('a held lock', () => {
  test('keeps others out, and is removed on release', async () => {
    const folder = newFolder()
    const lock = await lockFolder(folder)
    await assert.rejects(lockFolder(folder), code('LOCKED', new RegExp(`process ${process.pid}`)))
    await lock.assertHeld()
    await lock.release()
    assert.deepEqual(readdirSync(folder), [])
  })

  test('is not taken from a living process', async () => {
    const folder = newFolder(JSON.stringify({ pid: process.ppid, started: null }))
    await assert.rejects(lockFolder(folder), code('LOCKED'))
    assert.ok(existsSync(join(folder, 'lock.json')))
  })

  test('is not taken from another container that keeps touching it', async () => {
    const folder = newFolder()
    const lock = await lockFolder(folder)
    const path = join(folder, 'lock.json')
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), pid: 1, place: '00000000.1' }))
    await assert.rejects(lockFolder(folder), code('LOCKED'))
    await lock.release()
  })

  test('notices that it was taken over, and then leaves the new lock alone', async () => {
    const folder = newFolder()
    const lock = await lockFolder(folder)
    const other = JSON.stringify({ pid: process.ppid, started: null, token: 'other' })
    writeFileSync(join(folder, 'lock.json'), other)
    await assert.rejects(lock.assertHeld(), code('LOCKED'))
    await lock.release()
    assert.equal(readFileSync(join(folder, 'lock.json'), 'utf8'), other)
  })
})

test('a lock that is gone is not said to be another trainer’s', async () => {
  const folder = newFolder()
  const lock = await lockFolder(folder)
  rmSync(folder, { recursive: true })
  await assert.rejects(lock.assertHeld(), code('LOCKED', /^the lock of this run is gone/))
  await lock.release()
})

describe('a lock is taken over', () => {
  const cases: readonly [string, string][] = [
    ['from a process that has ended', JSON.stringify({ pid: DEAD, started: '1' })],
    ['if the process id is that of another process now', JSON.stringify({ pid: process.ppid, started: '1' })],
    ['if the process id is our own, but not the start time', JSON.stringify({ pid: process.pid, started: '1' })],
    ['if the file is cut short', '{"pi'],
    ['if the file is empty', ''],
    ['if the file names no process', '[1, 2]'],
    ['from a container that has stopped', JSON.stringify({ pid: 1, started: '1', place: '00000000.1' })],
  ]
  test('from a holder that is gone, or from a damaged file', async () => {
    for (const [title, content] of cases) {
      await inCase(title, async () => {
        const folder = newFolder(content)
        await (await lockFolder(folder)).release()
        assert.deepEqual(readdirSync(folder), [])
      })
    }
  })

  test('from a zombie process, whose parent has not waited for it', {
    skip: existsSync('/proc/self/stat') ? false : 'needs /proc',
  }, async () => {
    // The shell starts a child, says its id and turns into a process that never waits for it.
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const pid = Number(await new Promise(resolve => parent.stdout!.once('data', resolve)))
      const started = stat(pid)[19]!
      while (stat(pid)[0] !== 'Z') await delay(20)
      await (await lockFolder(newFolder(JSON.stringify({ pid, started })))).release()
      await (await lockFolder(newFolder(JSON.stringify({ pid, started: null })))).release()
    } finally {
      parent.kill('SIGKILL')
    }
  })

  test('from a worker thread that was terminated', async () => {
    const folder = newFolder()
    const worker = new Worker(
      `import(${JSON.stringify(distUrl('training/run/lock.js'))}).then(async ({ lockFolder }) => {
         await lockFolder(${JSON.stringify(folder)})
         require('node:worker_threads').parentPort.postMessage('held')
         setInterval(() => {}, 1000)
       })`,
      { eval: true },
    )
    await new Promise(resolve => worker.once('message', resolve))
    await assert.rejects(lockFolder(folder), code('LOCKED'))
    await worker.terminate()
    await (await lockFolder(folder)).release()
  })

  const abandoned: readonly [string, string][] = [
    ['of a container that has stopped', '9999999-1-00000000.1'],
    ['of a worker thread that was terminated', identityTag(ownIdentity())],
  ]
  for (const [whose, tag] of abandoned) {
    test(`within 5 s if there is a claim ${whose}`, async () => {
      const folder = newFolder()
      // Later in the order than any claim of this process, which therefore waits for it.
      const claim = join(folder, `lock.${tag}.ffffffffffff.claim`)
      writeFileSync(claim, '')
      const seconds = Date.now() / 1000 - 4
      utimesSync(claim, seconds, seconds)
      await (await lockFolder(folder)).release()
      assert.deepEqual(readdirSync(folder), [])
    })
  }

  test('at once if ended processes have left claims', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, `lock.${DEAD}-1-.0123456789ab.claim`), '')
    // It cannot be removed, as the claim of another user in a folder with the sticky bit cannot.
    const stuck = `lock.${DEAD}-1-.ba9876543210.claim`
    mkdirSync(join(folder, stuck))
    await (await lockFolder(folder)).release()
    assert.deepEqual(readdirSync(folder), [stuck])
  })
})

test('only one of four concurrent processes holds the lock (stress-lock.mjs)', () => {
  const { stdout, stderr } = spawnSync(process.execPath, [inRepository('scripts/stress-lock.mjs'), '15'], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  const { oneHolder, leftFiles, otherErrors } = JSON.parse(stdout)
  assert.deepEqual({ oneHolder, leftFiles, otherErrors }, { oneHolder: 15, leftFiles: 0, otherErrors: {} })
})
