/** Files are written whole or not at all, also by several writers, and no temporary files stay. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import {
  checkFolder,
  checkWritable,
  fileError,
  makeFolder,
  readFileBytes,
  writeFileBytes,
  writeFilePieces,
} from '#src/core/files'
import { identityTag, ownIdentity } from '#src/core/process-identity'
import { openTemporary, removeAbandoned } from '#src/core/temporary'
import { checkNewModelFolder } from '#src/model/folder'
import { hasCheckpoint } from '#src/training/run/checkpoint'
import { code } from '../support/errors.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder('files')
let folders = 0
function newFolder(): string {
  const folder = join(scratch, String(folders++))
  mkdirSync(folder)
  return folder
}
const dist = (path: string) => new URL(`../../../dist/${path}`, import.meta.url).href
async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text)
}

describe('concurrent writers', () => {
  test('write one path 180 times from three threads without a failure or a file left', async () => {
    const folder = newFolder()
    const path = join(folder, 'a.bin')
    const program = `
      import(${JSON.stringify(dist('core/files.js'))}).then(async ({ writeFileBytes, writeFilePieces }) => {
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

  test('start over if their temporary file was removed', async () => {
    const folder = newFolder()
    await Promise.all([
      writeFileBytes(join(folder, 'a'), new Uint8Array(1e6)),
      ...Array.from({ length: 20 }, async () => {
        for (const name of readdirSync(folder)) {
          if (name.endsWith('.tmp'))
            await import('node:fs/promises').then(fs => fs.rm(join(folder, name), { force: true }))
        }
      }),
    ])
    assert.deepEqual(readdirSync(folder), ['a'])
  })
})

describe('temporary files', () => {
  test('are removed if their process is dead, and no other files are', async () => {
    const folder = newFolder()
    const own = ownIdentity()
    const named = (tag: string) => `model.json.${tag}.0123456789ab.tmp`
    const living = named(identityTag(own))
    const elsewhere = named('7-1-00000000.1')
    const kept = ['a.tmp', 'checkpoint.safetensors', living, elsewhere, 'x.12.3.tmp']
    const dead = [named('4194305-1-'), named(`${own.pid}-1-${own.place ?? ''}`)]
    for (const name of [...kept, ...dead]) writeFileSync(join(folder, name), '')
    await removeAbandoned(folder)
    assert.deepEqual(readdirSync(folder).sort(), [...kept].sort())
    // Who alone may write here also knows of those that it cannot see, and of names of old.
    await removeAbandoned(folder, true)
    assert.deepEqual(readdirSync(folder).sort(), ['a.tmp', 'checkpoint.safetensors', living].sort())
  })

  test('of a killed process are removed by the next process that writes there', () => {
    const folder = newFolder()
    const run = (program: string) =>
      spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    const { signal } = run(`
      import { writeFilePieces } from ${JSON.stringify(dist('core/files.js'))}
      await writeFilePieces(${JSON.stringify(join(folder, 'a'))}, (async function* () {
        yield Buffer.from('half')
        process.kill(process.pid, 'SIGKILL')
        await new Promise(resolve => setTimeout(resolve, 10_000))
      })())`)
    assert.equal(signal, 'SIGKILL')
    assert.match(readdirSync(folder).join(), /^a\..*\.tmp$/)
    const { stderr } = run(`
      import { writeFileBytes } from ${JSON.stringify(dist('core/files.js'))}
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
})

test('a large file is read whole, unless a signal or a size limit stops it', async () => {
  const path = join(newFolder(), 'large')
  const bytes = Uint8Array.from({ length: 3_000_001 }, (_, i) => i * 7)
  writeFileSync(path, bytes)
  assert.deepEqual(new Uint8Array(await readFileBytes(path)), bytes)
  await assert.rejects(readFileBytes(path, { signal: AbortSignal.abort() }), code('ABORTED'))
  await assert.rejects(readFileBytes(path, { maxBytes: 3_000_000 }), code('TOO_LARGE'))
})

test('errors of the file system are typed', async () => {
  const folder = newFolder()
  writeFileSync(join(folder, 'file'), '')
  await assert.rejects(writeFileBytes(folder, ''), code('NOT_A_FILE'))
  await assert.rejects(writeFileBytes(join(folder, 'none', 'a'), ''), code('NOT_WRITABLE'))
  await assert.rejects(writeFileBytes(join(folder, 'file', 'a'), ''), code('NOT_A_DIRECTORY'))
  await assert.rejects(writeFilePieces(folder, pieces('a')), code('NOT_A_FILE'))
  assert.equal(fileError(Object.assign(new Error('full'), { code: 'EDQUOT' }), 'a', 'write').code, 'DISK_FULL')
})

test('a name that is too long is an error of reading or writing, as the file was to be', async () => {
  const path = join(newFolder(), `${'x'.repeat(300)}.wav`)
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

test('under Node’s permission model an error names the missing flag', () => {
  const folder = newFolder()
  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
  const { stdout } = spawnSync(
    process.execPath,
    [
      ...['--no-warnings', flag, '--allow-fs-read=*', '--input-type=module', '-e'],
      `const { writeFileBytes } = await import(${JSON.stringify(dist('core/files.js'))})
       await writeFileBytes(${JSON.stringify(join(folder, 'a'))}, '').catch(e => console.log(e.code, e.hint))`,
    ],
    { encoding: 'utf8' },
  )
  assert.equal(stdout.trim(), `NOT_WRITABLE Start Node with --allow-fs-write=${join(folder, 'a')}.`)
})

describe('makeFolder', () => {
  test('makes a folder and its parents, and leaves an existing one', async () => {
    const folder = join(scratch, 'one', 'two', 'three')
    await makeFolder(folder)
    await makeFolder(folder)
    assert.ok(statSync(folder).isDirectory())
  })

  test('succeeds for many calls at once with the same path', async () => {
    for (let round = 0; round < 100; round++) {
      const folder = join(newFolder(), 'one', 'two')
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
      import { makeFolder } from ${JSON.stringify(dist('core/files.js'))}
      for (const path of ['run', 'runs/one']) await makeFolder('${disk}/' + path).catch(e => console.log(e.code))`
    const { stdout, stderr } = onFullDisk(
      `${process.execPath} --input-type=module -e '${script.replaceAll("'", "'\\''")}'`,
    )
    assert.equal(stdout, 'DISK_FULL\nDISK_FULL\n', stderr)
  })
})
