/** Runs that end early: by a reader that leaves, a full output, or a signal. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { encodeNpy } from '#src/formats/npy'
import { noiseWav, npyMel, smallVocoder } from '../support/cli-inputs.js'
import { called, diffwave, program, scratch, shell, started } from '../support/process.js'

const { folder, at, put } = scratch()
put('tone.wav', noiseWav(0, 2000))
// A square mel, which is noted on standard error.
put('square.npy', encodeNpy({ shape: [80, 80], data: new Float32Array(6400).fill(-8) }))
const long = put('long.npy', npyMel(20_000))
const slow = ['synthesize', long, '-m', smallVocoder, '--engine', 'native', '--threads', '1']

/** Whether there is a file of a run, temporary or not. */
const isWritten = (name: string) => readdirSync(folder).some(file => file.startsWith(name))

/** Waits until the work has begun, which a temporary file in a folder shows. */
async function begun(name: string, inFolder = folder): Promise<void> {
  const hasBegun = () => existsSync(inFolder) && readdirSync(inFolder).some(file => file.startsWith(name))
  for (let waited = 0; !hasBegun() && waited < 60_000; waited += 20) await setTimeout(20)
}

/** A slow run that writes `name.wav`, as words of a shell. */
const slowRun = (name: string) =>
  [process.execPath, program, ...slow, '-o', at(`${name}.wav`)].map(word => `'${word}'`).join(' ')

test('full standard output is an error with status 1', () => {
  for (const line of [
    'diffwave inspect tone.wav > /dev/full',
    `diffwave synthesize long.npy -m '${smallVocoder}' --stdout > /dev/full`,
  ]) {
    const { status, stderr } = shell(line, folder)
    assert.equal(status, 1, stderr)
    assert.match(stderr, /error\[DISK_FULL\]: the disk is full \(standard output\)\n/)
    assert.doesNotMatch(stderr, /INTERNAL|\n\s+at /)
  }
})

test('full or closed standard error has no effect', () => {
  const { stdout, stderr } = called(['inspect', 'square.npy'], { cwd: folder })
  assert.match(stderr, /^note: /)
  for (const sink of ['2> /dev/full', '2>&-', '2> >(true)']) {
    const ended = shell(`diffwave inspect square.npy ${sink}`, folder)
    assert.deepEqual([ended.status, ended.stdout], [0, stdout], sink)
  }
})

test('a reader of standard output that leaves ends the run without an error', () => {
  const piped = `diffwave synthesize long.npy -m '${smallVocoder}' --stdout | head -c 100 | wc -c`
  const line = `${piped}; exit \${PIPESTATUS[0]}`
  const { status, stdout, stderr } = shell(line, folder)
  assert.equal(status, 0, stderr)
  assert.equal(stdout.trim(), '100')
  assert.doesNotMatch(stderr, /error/)
})

test('a reader of a named pipe that leaves ends the run without an error', {
  skip: process.platform === 'win32',
}, () => {
  for (const [command, output] of [
    [`export '${smallVocoder}' --to onnx`, '-o pipe & head -c 1 pipe > first; wait $!'],
    [`synthesize long.npy -m '${smallVocoder}'`, '-o pipe.wav & head -c 1 pipe.wav > first; wait $!'],
  ] as const) {
    const { status, stderr } = shell(`mkfifo pipe pipe.wav 2> /dev/null; diffwave ${command} ${output}`, folder)
    assert.equal(status, 0, stderr)
    assert.equal(stderr, '')
  }
})

test('a signal stops the run with its status, and it leaves no file and no empty folder of its own', async () => {
  for (const [signal, expected] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const { child, ended } = started(['--json', ...slow, '-o', at(`${signal}/below/`)])
    await begun('long', at(`${signal}/below`))
    child.kill(signal)
    const { status, stderr } = await ended
    assert.equal(status, expected)
    assert.deepEqual(JSON.parse(stderr), { error: `stopped by ${signal}`, code: 'ABORTED' })
    assert.ok(!isWritten(signal))
  }
})

test('a signal at any time ends the run with its status, and leaves no file', () => {
  for (const seconds of [0.02, 0.1, 0.3]) {
    const script = `${slowRun('early')} & sleep ${seconds}; kill $!; wait $!`
    assert.equal(spawnSync('bash', ['-c', script]).status, 143)
    assert.ok(!isWritten('early'))
  }
})

test('Ctrl-C ends a loop of the shell over commands', { skip: process.platform === 'win32' }, async context => {
  const shell = spawn('bash', ['-c', `for i in 1 2; do ${slowRun('loop')}; done; echo over`], { detached: true })
  context.after(() => shell.exitCode === null && shell.signalCode === null && process.kill(-shell.pid!, 'SIGKILL'))
  let stdout = ''
  shell.stdout.on('data', data => {
    stdout += data
  })
  const closed = once(shell, 'close')
  await begun('loop')
  // A terminal sends it to all processes in the foreground.
  process.kill(-shell.pid!, 'SIGINT')
  assert.deepEqual(await Promise.race([closed, setTimeout(10_000, 'goes on', { ref: false })]), [null, 'SIGINT'])
  assert.equal(stdout, '')
  assert.ok(!isWritten('loop'))
})

test('a second signal ends the process at once and leaves no file either', async () => {
  const { child, ended } = started([...slow, '-o', at('twice.wav')])
  await begun('twice')
  child.kill('SIGINT')
  child.kill('SIGTERM')
  assert.ok([130, 143].includes((await ended).status!))
  assert.ok(!isWritten('twice'))
})

test('a run that fails leaves no empty folder of its own, but those of others', () => {
  put('bad.wav', 'RIFF')
  mkdirSync(at('own'))
  assert.equal(diffwave(['mel', '--convention', 'lmnt', '-o', at('own/new'), at('bad.wav')]).status, 1)
  assert.deepEqual(readdirSync(at('own')), [])
})

/** Runs a command on a pseudo-terminal that is closed after its first output; prints how the command ended. */
const closedTerminal = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
os.read(terminal, 1)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`

test('a closed terminal ends the process by SIGHUP, without a core dump', {
  skip: spawnSync('python3', ['-c', 'import pty']).status === 0 ? false : 'needs Python with pty',
}, () => {
  // The first output is the progress bar, of work that is too long to finish.
  const args = ['-c', closedTerminal, process.execPath, program, ...slow, '-o', at('closed.wav')]
  const { stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8' })
  assert.equal(stdout.trim(), String(-constants.signals.SIGHUP), stderr)
  assert.ok(!isWritten('closed'))
})
