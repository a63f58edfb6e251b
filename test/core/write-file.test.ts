/** Files are written whole or not at all, also by several writers, and no temporary files stay. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { identityTag, ownIdentity } from '#src/core/process-identity'
import { openTemporary, removeAbandoned } from '#src/core/temporary'
import { writeFileBytes, writeFilePieces } from '#src/core/write-file'
import { beforeFlushes } from '../support/flushes.js'
import { distUrl } from '../support/paths.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder('files')
let folders = 0
function newFolder(): string {
  const folder = join(scratch, String(folders++))
  mkdirSync(folder)
  return folder
}
async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text)
}

test('writes with file handles that have no sync, as those of Yarn Plug’n’Play', async context => {
  const path = join(newFolder(), 'a.txt')
  await beforeFlushes(context, scratch, () => {
    throw new Error('Method not implemented.')
  })
  await writeFileBytes(path, 'whole')
  assert.equal(readFileSync(path, 'utf8'), 'whole')
  await beforeFlushes(context, scratch, () => {
    throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
  })
  await assert.rejects(writeFileBytes(path, 'more'), { code: 'DISK_FULL' })
  assert.equal(readFileSync(path, 'utf8'), 'whole')
})

describe('concurrent writers', () => {
  test('write one path 180 times from three threads without a failure or a file left', async () => {
    const folder = newFolder()
    const path = join(folder, 'a.bin')
    const program = `
      import(${JSON.stringify(distUrl('core/write-file.js'))}).then(async ({ writeFileBytes, writeFilePieces }) => {
        const failures = []
        const bytes = new Uint8Array(20000).fill(require('node:worker_threads').threadId)
        for (let i = 0; i < 60; i++) {
          const write = i % 2 ? writeFileBytes(${JSON.stringify(path)}, bytes)
            : writeFilePieces(${JSON.stringify(path)}, (async function* () { yield bytes })())
          await write.catch(error => failures.push(error.message))
        }
        require('node:worker_threads').parentPort.postMessage(failures)
      })`
    const workers = [0, 1, 2].map(() => new Worker(program, { eval: true }))
    const failures = await Promise.all(workers.map(worker => new Promise(resolve => worker.once('message', resolve))))
    assert.deepEqual(failures, [[], [], []])
    assert.deepEqual(readdirSync(folder), ['a.bin'])
    const bytes = readFileSync(path)
    assert.equal(bytes.length, 20_000)
    assert.ok(bytes.every(byte => byte === bytes[0]))
  })

  test('start over if their temporary file was removed, but not for ever', async context => {
    const folder = newFolder()
    let attempts = 0
    let removed = 1
    await beforeFlushes(context, folder, () => {
      attempts++
      if (attempts <= removed) for (const name of readdirSync(folder)) rmSync(join(folder, name))
    })
    await writeFileBytes(join(folder, 'a'), 'whole')
    assert.deepEqual([attempts, readFileSync(join(folder, 'a'), 'utf8')], [2, 'whole'])
    ;[attempts, removed] = [0, 10]
    await assert.rejects(writeFileBytes(join(folder, 'a'), 'more'), { code: 'NOT_WRITABLE' })
    assert.deepEqual([attempts, readdirSync(folder)], [3, []])
  })
})

describe('temporary files', () => {
  test('are removed if their process is dead, and no other files are', async () => {
    const folder = newFolder()
    const own = ownIdentity()
    const named = (tag: string) => `model.json.${tag}.0123456789ab.tmp`
    const living = named(identityTag(own))
    const elsewhere = named('7-1-00000000.1')
    const kept = ['a.tmp', 'checkpoint.safetensors', living, elsewhere]
    const dead = [named('4194305-1-'), named(`${own.pid}-1-${own.place ?? ''}`)]
    for (const name of [...kept, ...dead]) writeFileSync(join(folder, name), '')
    await removeAbandoned(folder)
    assert.deepEqual(readdirSync(folder).sort(), [...kept].sort())
    // Who alone may write here also removes those of processes that it cannot see.
    await removeAbandoned(folder, true)
    assert.deepEqual(readdirSync(folder).sort(), ['a.tmp', 'checkpoint.safetensors', living].sort())
  })

  test('of a killed process are removed by the next process that writes there', () => {
    const folder = newFolder()
    const run = (program: string) =>
      spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    const { signal } = run(`
      import { writeFilePieces } from ${JSON.stringify(distUrl('core/write-file.js'))}
      await writeFilePieces(${JSON.stringify(join(folder, 'a'))}, (async function* () {
        yield Buffer.from('half')
        process.kill(process.pid, 'SIGKILL')
        await new Promise(resolve => setTimeout(resolve, 10_000))
      })())`)
    assert.equal(signal, 'SIGKILL')
    assert.match(readdirSync(folder).join(), /^a\..*\.tmp$/)
    const { stderr } = run(`
      import { writeFileBytes } from ${JSON.stringify(distUrl('core/write-file.js'))}
      await writeFileBytes(${JSON.stringify(join(folder, 'b'))}, 'whole')`)
    assert.equal(stderr, '')
    assert.deepEqual(readdirSync(folder), ['b'])
  })

  test('have unique names, even beside a file name of the maximum length', async () => {
    const folder = newFolder()
    const target = join(folder, 'é'.repeat(127))
    const [first, second] = [await openTemporary(target), await openTemporary(target)]
    assert.notEqual(first.path, second.path)
    for (const { handle } of [first, second]) await handle.close()
    await removeAbandoned(folder)
    assert.equal(readdirSync(folder).length, 2)
    await writeFileBytes(target, 'x')
    assert.equal(readFileSync(target, 'utf8'), 'x')
  })
})

describe('replacing a file', () => {
  test('keeps its permissions and the links to it', async () => {
    const folder = newFolder()
    const [path, link] = [join(folder, 'a'), join(folder, 'b')]
    await writeFileBytes(path, 'one')
    await chmod(path, 0o640)
    symlinkSync('a', link)
    await writeFileBytes(link, 'two')
    assert.equal(readFileSync(path, 'utf8'), 'two')
    await writeFilePieces(link, pieces('th', 'ree'), () => Buffer.from('T'))
    assert.equal(readFileSync(path, 'utf8'), 'Three')
    assert.equal((await stat(path)).mode & 0o777, 0o640)
    assert.deepEqual(readdirSync(folder), ['a', 'b'])
  })

  test('keeps permissions that the umask would take away', async context => {
    if (process.platform === 'win32') return context.skip('has no umask')
    const path = join(newFolder(), 'a.txt')
    writeFileSync(path, 'old')
    await chmod(path, 0o666)
    await writeFileBytes(path, 'new')
    assert.equal((await stat(path)).mode & 0o777, 0o666)
  })

  test('takes the place of the old one only when it is on the disk', async context => {
    const path = join(newFolder(), 'a.txt')
    writeFileSync(path, 'old')
    const before: string[] = []
    await beforeFlushes(context, path, () => void before.push(readFileSync(path, 'utf8')))
    await writeFileBytes(path, 'new')
    await writeFilePieces(path, pieces('newer'))
    assert.deepEqual(before, ['old', 'new'])
  })

  test('creates a missing file behind a chain of links and keeps the links', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'far'))
    symlinkSync('second', join(folder, 'first'))
    symlinkSync(join(folder, 'far', 'file'), join(folder, 'second'))
    await writeFileBytes(join(folder, 'first'), 'one')
    await writeFilePieces(join(folder, 'first'), pieces('two'))
    assert.equal(readFileSync(join(folder, 'far', 'file'), 'utf8'), 'two')
    assert.deepEqual(readdirSync(folder).sort(), ['far', 'first', 'second'])
  })

  test('leaves the old file if the new content fails, and rethrows that error', async () => {
    const folder = newFolder()
    const path = join(folder, 'a')
    await writeFileBytes(path, 'old')
    const failure = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    const failing = async function* () {
      yield Buffer.from('new')
      throw failure
    }
    await assert.rejects(writeFilePieces(path, failing()), failure)
    assert.equal(readFileSync(path, 'utf8'), 'old')
    assert.deepEqual(readdirSync(folder), ['a'])
  })

  test('closes its pieces if they cannot be written', {
    skip: existsSync('/dev/full') ? false : 'needs a device that is always full',
  }, async () => {
    let isClosed = false
    const endless = async function* () {
      try {
        while (true) yield Buffer.from('new')
      } finally {
        isClosed = true
      }
    }
    await assert.rejects(writeFilePieces('/dev/full', endless()), { code: 'DISK_FULL' })
    assert.ok(isClosed)
  })
})
