/** Inputs of commands: folders, patterns, pipes and standard input. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  promises,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { describe, test } from 'node:test'
import { zipSync } from 'fflate'
import { matchingFiles, patternBase } from '#src/cli/inputs/glob'
import { spooled } from '#src/cli/inputs/spool'
import { encodeSafetensors } from '#src/formats/safetensors'
import { melNumbers, noiseWav, npyMel, smallVocoder } from '../../support/cli-inputs.js'
import { code } from '../../support/errors.js'
import { called, diffwave, jsonLines, listensToSignals, scratch, shell, started } from '../../support/process.js'

const { folder, at, put } = scratch()
const lmnt = ['--convention', 'lmnt']
put('data/a.wav', noiseWav(0, 2000))
put('data/sub/B.WAV', noiseWav(1, 2000))
put('data/sub/.hidden.wav', noiseWav(1, 2000))
put('data/notes.txt', 'no recording')
// As macOS writes it on a foreign disk.
put('data/._a.wav', 'no recording')
symlinkSync('..', at('data/sub/loop'))

test('a folder stands for the recordings in it, and a circular link is followed once', () => {
  const run = called(['mel', at('data'), '-o', at('mels'), ...lmnt])
  assert.equal(run.status, 0, run.stderr)
  assert.deepEqual(readdirSync(at('mels'), { recursive: true }).map(String).sort(), [
    'a.npy',
    'sub',
    'sub/.hidden.npy',
    'sub/B.npy',
  ])
})

test('a quoted pattern stands for the files that match it', () => {
  const run = called(['mel', 'data/{a,z}.w?v', 'data/**/[A-C].WAV', '-o', 'matched', ...lmnt], { cwd: folder })
  assert.equal(run.status, 0, run.stderr)
  assert.deepEqual(readdirSync(at('matched'), { recursive: true }).map(String).sort(), ['a.npy', 'sub', 'sub/B.npy'])
  const { stdout } = called(['--json', 'inspect', 'data/**/[aB].*'], { cwd: folder })
  assert.deepEqual(
    jsonLines(stdout).map(({ path }) => path),
    ['data/a.wav', 'data/sub/B.WAV'],
  )
})

test('a pattern that matches several files is refused where one file is expected', () => {
  const run = called(['convert', 'data/**/*.{wav,WAV}', '-o', 'model'], { cwd: folder })
  assert.equal(run.status, 2)
  assert.match(run.stderr, /^error\[BAD_OPTION\]: the pattern matches 2 files, expected one file/)
})

test('a folder of mels may contain all mel formats', () => {
  const array = new Uint8Array(npyMel(2))
  put('spectra/a.npy', array)
  put('spectra/b.npz', zipSync({ 'mel.npy': array }))
  const run = called(['synthesize', at('spectra'), '-m', smallVocoder, '--steps', '1', '-o', at('voices')])
  assert.equal(run.status, 0, run.stderr)
  assert.deepEqual(readdirSync(at('voices')).sort(), ['a.wav', 'b.wav'])
})

test('a folder or pattern without a recording is refused by name', () => {
  mkdirSync(at('empty'))
  for (const [input, code] of [
    ['empty', 'BAD_DATA'],
    ['empty/*.wav', 'FILE_NOT_FOUND'],
  ]) {
    const { status, stderr } = called(['mel', input!, '-o', 'x.npy', ...lmnt], { cwd: folder })
    assert.equal(status, 1)
    assert.ok(stderr.startsWith(`error[${code}]`) && stderr.includes(`(${input})`), stderr)
  }
})

test('a file whose name looks like a pattern is read as that file', () => {
  put('take[1].wav', noiseWav(2, 2000))
  assert.equal(called(['mel', 'take[1].wav', '-o', 'take.npy', ...lmnt], { cwd: folder }).status, 0)
})

describe('a pipe as input', () => {
  /** Calls a command that reads a named pipe with this content. */
  function fed(content: string, args: (pipe: string) => readonly string[]) {
    const pipe = at('fed')
    if (!existsSync(pipe)) spawnSync('mkfifo', [pipe])
    spawn('bash', ['-c', `printf '${content}' > '${pipe}'`], { stdio: 'ignore' })
    return { pipe, ...called(args(pipe)) }
  }

  test('is read to its end: standard input, a named pipe and a process substitution', () => {
    assert.equal(called(['mel', at('data/a.wav'), '-o', at('expected.npy'), ...lmnt]).status, 0)
    for (const line of [
      'diffwave mel <(cat data/a.wav) - -o piped --convention lmnt < data/a.wav',
      'mkfifo fifo; cat data/a.wav > fifo & cat data/a.wav | diffwave mel fifo /dev/stdin -o piped --convention lmnt',
    ]) {
      rmSync(at('piped'), { recursive: true, force: true })
      const run = shell(line, folder)
      assert.equal(run.status, 0, run.stderr)
      assert.equal(readdirSync(at('piped')).length, 2)
      for (const file of readdirSync(at('piped'))) {
        assert.deepEqual(readFileSync(at(`piped/${file}`)), readFileSync(at('expected.npy')))
      }
    }
  })

  test('may be a socket on standard input, as Node.js makes it, and safetensors', () => {
    const tensors = encodeSafetensors(new Map([['mel', { shape: [80, 6], data: melNumbers(480) }]]))
    const run = diffwave(['--json', 'inspect', '-'], { input: tensors })
    assert.equal(run.status, 0, run.stderr)
    const { path, bands, frames } = JSON.parse(run.stdout)
    assert.deepEqual([path, bands, frames], ['-', 80, 6])
  })

  test('that is empty is an error', () => {
    const run = fed('', pipe => ['synthesize', pipe, '-m', smallVocoder, '-o', at('never.wav')])
    assert.equal(run.status, 1)
    assert.match(run.stderr, /error\[TRUNCATED\]/)
  })

  test('is called by the given name in errors, as JSON and as text', () => {
    for (const args of [
      (pipe: string) => ['inspect', pipe],
      (pipe: string) => ['convert', pipe, '-o', at('never')],
      (pipe: string) => ['mel', pipe, '-o', at('never.npy'), ...lmnt],
      (pipe: string) => ['synthesize', pipe, '-m', smallVocoder, '-o', at('never.wav')],
    ]) {
      const { status, stderr, pipe } = fed('nothing that is known', pipe => ['--json', ...args(pipe)])
      assert.equal(status, 1)
      const [error] = jsonLines(stderr)
      assert.equal(error!['where'], pipe)
      assert.doesNotMatch(JSON.stringify(error), /input-\d/)
    }
    const { stderr, pipe } = fed('nothing that is known', pipe => ['inspect', pipe])
    assert.match(stderr, /^error\[[A-Z_]+\]: /)
    assert.ok(stderr.split('\n')[0]!.endsWith(`(${pipe})`), stderr)
  })

  test('is an error if the folder for temporary files is missing', () => {
    const run = diffwave(['inspect', '-'], { input: 'x', env: { TMPDIR: at('missing') } })
    assert.equal(run.status, 1)
    assert.match(run.stderr, /^error\[NOT_WRITABLE\]: the folder to write into does not exist \(.*missing\)/)
  })

  test('must not be a device that never ends', () => {
    const run = called(['mel', '/dev/zero', '-o', at('never.npy'), ...lmnt])
    assert.equal(run.status, 1)
    assert.match(run.stderr, /error\[NOT_A_FILE\]: neither a regular file nor a pipe/)
  })
})

test('patterns match names, sets, braces and any depth', async () => {
  const matches = async (pattern: string) =>
    (await matchingFiles(at(pattern))).map(path => path.slice(folder.length + 1))
  assert.deepEqual(await matches('data/*.wav'), ['data/a.wav'])
  assert.deepEqual(await matches('data/sub/[!a].*'), ['data/sub/B.WAV'])
  assert.deepEqual(await matches('data/**/*.{wav,WAV}'), ['data/a.wav', 'data/sub/B.WAV'])
  assert.deepEqual(await matches('data/**'), ['data/a.wav', 'data/notes.txt', 'data/sub/B.WAV'])
  assert.deepEqual(await matches('data/sub/.*'), ['data/sub/.hidden.wav'])
  assert.deepEqual(await matches('take[[]1].wav'), ['take[1].wav'])
  assert.deepEqual(await matches('data/*'), ['data/a.wav', 'data/notes.txt'])
  // A range the wrong way round matches nothing, as in shells.
  assert.deepEqual(await matches('data/[z-a].wav'), [])
  assert.equal(patternBase('data/sub/*.wav'), 'data/sub')
  assert.equal(patternBase('*.wav'), '')
})

test('a pattern may match any number of files, and a signal ends the search', async context => {
  const folders = Array.from({ length: 3 }, (_, i) => ({ name: `${i}`, isFile: () => false, isDirectory: () => true }))
  const files = Array.from({ length: 60_000 }, (_, i) => ({
    name: `${i}.wav`,
    isFile: () => true,
    isDirectory: () => false,
  }))
  const reads: string[] = []
  const stop = new AbortController()
  const readdir = async (path: string) => {
    reads.push(path)
    if (path === 'endless/') stop.abort()
    return path === 'corpus/' ? folders : files
  }
  context.mock.method(promises, 'readdir', readdir as never)
  syncBuiltinESMExports()
  context.after(() => {
    context.mock.reset()
    syncBuiltinESMExports()
  })
  assert.equal((await matchingFiles('corpus/**/**/*.wav')).length, 180_000)
  // A folder is read once for `**`, and once for the files in it.
  assert.equal(reads.length, 8)
  await assert.rejects(matchingFiles('endless/**/*.wav', stop.signal), code('ABORTED'))
})

describe('waiting for the other end of a named pipe', {
  skip: spawnSync('mkfifo', [at('silent')]).status === 0 ? false : 'needs mkfifo',
}, () => {
  put('lone.npy', npyMel(2))
  mkdirSync(at('temporary'))
  for (const [title, args, signal, expected] of [
    ['as input', ['synthesize', at('silent'), '-o', at('silent.wav')], 'SIGINT', 130],
    ['as output', ['synthesize', at('lone.npy'), '-o', at('silent')], 'SIGTERM', 143],
  ] as const) {
    test(`${title} ends at a signal, and leaves no copy of the input`, async () => {
      const call = [...args, '-m', smallVocoder, '--steps', '1', '--force']
      const { child, ended } = started(call, { TMPDIR: at('temporary') })
      // On a busy machine a process takes seconds to start; before it listens to signals, they end it in another way.
      await listensToSignals(child.pid!)
      // Long enough for the pipe to be waited for; the status is the same if it is not yet.
      await new Promise(resolve => setTimeout(resolve, 1500))
      assert.equal(child.exitCode, null)
      child.kill(signal)
      assert.equal((await ended).status, expected)
      assert.deepEqual(readdirSync(at('temporary')), [])
    })
  }

  test('ends at a signal that comes before the pipe is opened', { timeout: 60_000 }, async () => {
    const waiting = (signal: AbortSignal) => spooled(() => createReadStream(at('silent')), at('silent'), signal)
    await assert.rejects(waiting(AbortSignal.abort()), { code: 'ABORTED' })
    const stop = new AbortController()
    const stopped = assert.rejects(waiting(stop.signal), { code: 'ABORTED' })
    stop.abort()
    await stopped
  })
})
