/** Outputs of commands: where they may go, and which files are never overwritten. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { describe, test } from 'node:test'
import { writeStdout } from '#src/cli/outputs/sink'
import { noiseWav, npyMel, smallGenerator, smallVocoder } from '../../support/cli-inputs.js'
import { called, program, scratch } from '../../support/process.js'

const { folder, at, put } = scratch()
const recording = put('data/take.wav', noiseWav(0, 2000))
const original = readFileSync(recording)
const mel = put('m.npy', npyMel(2))
const fast = ['-m', smallVocoder, '--steps', '1']
const here = { cwd: folder }

describe('the command line refuses to overwrite an input or a result', () => {
  mkdirSync(at('data/sub'))
  symlinkSync('data', at('linked-folder'))
  symlinkSync('data/take.wav', at('link.wav'))
  linkSync(recording, at('hard.wav'))
  test('the input, by whatever name', () => {
    for (const output of [
      'data/take.wav',
      'data',
      'linked-folder',
      'linked-folder/take.wav',
      'link.wav',
      'hard.wav',
      './data/sub/../take.wav',
    ]) {
      const run = called(['resynthesize', 'data/take.wav', ...fast, '-o', output, '--force'], here)
      assert.equal(run.status, 2, output)
      assert.match(run.stderr, /^error\[BAD_OPTION\]: the result would overwrite its input/, output)
      assert.deepEqual(readFileSync(recording), original, output)
    }
  })

  test('a mel by a link to it', () => {
    symlinkSync('m.npy', at('mel-link.wav'))
    const run = called(['synthesize', 'm.npy', ...fast, '-o', 'mel-link.wav', '--force'], here)
    assert.equal(run.status, 2, run.stderr)
    assert.deepEqual(readFileSync(mel), Buffer.from(npyMel(2)))
  })

  test('a result by a link to another result', () => {
    mkdirSync(at('results'))
    put('results/b.wav', noiseWav(1, 100))
    symlinkSync('b.wav', at('results/a.wav'))
    for (const name of ['a.npy', 'b.npy']) put(name, npyMel(2))
    const run = called(['synthesize', 'a.npy', 'b.npy', ...fast, '-o', 'results', '--force'], here)
    assert.equal(run.status, 2, run.stderr)
    assert.match(run.stderr, /two results would be written to one file.*\n.*Remove the link/)
  })

  test('a result by two links to the same new file', () => {
    mkdirSync(at('hanging'))
    for (const name of ['a', 'b']) symlinkSync('c.wav', at(`hanging/${name}.wav`))
    const run = called(['synthesize', 'a.npy', 'b.npy', ...fast, '-o', 'hanging', '--force'], here)
    assert.equal(run.status, 2, run.stderr)
    assert.match(run.stderr, /two results would be written to one file/)
  })

  test('a result of another input with the same name', () => {
    const run = called(['mel', recording, recording, '-o', at('x'), '--convention', 'lmnt'])
    assert.equal(run.status, 2, run.stderr)
    assert.match(run.stderr, /two inputs.*\n.*Rename one of them/)
    assert.ok(!existsSync(at('x')))
  })
})

const hasTerminal = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0

/** Runs a command line on a pseudo terminal, with an answer to its question. */
function onTerminal(args: readonly string[], answer: string) {
  const command = [process.execPath, program, ...args].map(word => `'${word}'`).join(' ')
  const run = spawnSync('script', ['-qec', command, '/dev/null'], {
    input: answer,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  return { status: run.status, output: run.stdout }
}

describe('an existing file', () => {
  test('is kept if the terminal’s input ends, at Ctrl-D, without an answer', {
    skip: hasTerminal ? false : 'no script(1) to make a terminal',
  }, () => {
    const output = put('exists.wav', 'dear')
    const run = onTerminal(['synthesize', mel, ...fast, '-o', output], '\x04')
    assert.equal(run.status, 2, run.output)
    assert.match(run.output, /exists\. Overwrite\? \[y\/N\]/)
    assert.match(run.output, /error\[BAD_OPTION\]: the file exists already.*\s+hint: .*--force/)
    assert.equal(readFileSync(output, 'utf8'), 'dear')
  })

  test('is overwritten if the answer is yes, with --force, or if there is no terminal', () => {
    for (const [name, extra, terminal] of [
      ['yes.wav', [], { typed: 'y\n' }],
      ['force.wav', ['--force'], { typed: '' }],
      ['script.wav', [], {}],
    ] as const) {
      const output = put(name, 'dear')
      const run = called(['synthesize', mel, ...fast, '-o', output, ...extra], terminal)
      assert.equal(run.status, 0, run.stderr)
      assert.equal(run.stderr.includes('Overwrite?'), name === 'yes.wav')
      assert.ok(statSync(output).size > 1000)
    }
  })

  test('is protected whatever it is: a picture, in a folder, a clip, a report or a mel', () => {
    const generate = ['generate', '-m', smallGenerator, '--seconds', '0.02', '--steps', '6', '-n', '2', '--seed', '6']
    for (const [existing, args] of [
      ['new.png', ['synthesize', mel, ...fast, '-o', at('new.wav'), '--picture']],
      ['folder/m.wav', ['synthesize', mel, ...fast, '-o', at('folder')]],
      ['clips/clip-7.wav', [...generate, '-o', at('clips')]],
      ['report.html', ['evaluate', '--reference', at('data'), '-o', at('report.html')]],
      ['old.npy', ['mel', recording, '-o', at('old.npy'), '--convention', 'lmnt']],
    ] as const) {
      put(existing, 'dear')
      const run = called(args, { typed: 'n\n' })
      assert.equal(run.status, 2, run.stderr)
      assert.match(run.stderr, /exists\. Overwrite\? \[y\/N\]/)
      assert.equal(readFileSync(at(existing), 'utf8'), 'dear')
    }
    assert.deepEqual(readdirSync(at('clips')), ['clip-7.wav'], 'nothing is written before the answer')
  })
})

describe('an output path', () => {
  test('may be /dev/null, which stays a device', () => {
    const runs = [
      called(['synthesize', mel, ...fast, '-o', '/dev/null']),
      called(['mel', recording, '-o', '/dev/null', '--convention', 'lmnt']),
    ]
    for (const { status, stderr } of runs) assert.equal(status, 0, stderr)
    assert.ok(lstatSync('/dev/null').isCharacterDevice())
  })

  test('may be a link to a new file, and stays a link', () => {
    mkdirSync(at('target'))
    symlinkSync('target/far.wav', at('near.wav'))
    symlinkSync('nowhere/far.wav', at('astray.wav'))
    symlinkSync('circle.wav', at('circle.wav'))
    const run = called(['synthesize', 'm.npy', ...fast, '-o', 'near.wav'], here)
    assert.equal(run.status, 0, run.stderr)
    assert.equal(readlinkSync(at('near.wav')), 'target/far.wav')
    assert.deepEqual(readdirSync(at('target')), ['far.wav'])
    for (const [output, error] of [
      ['astray.wav', /^error\[NOT_WRITABLE\]: the folder to write into does not exist/],
      ['circle.wav', /^error\[NOT_WRITABLE\]: symbolic links lead in a circle/],
    ] as const) {
      const refused = called(['synthesize', 'm.npy', ...fast, '-o', output], here)
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, error)
    }
  })

  test('may be a folder with a dot in its name', () => {
    for (const output of ['LJSpeech-1.1/', 'LJSpeech-1.2', 'v.1.0/clips.d']) {
      const run = called(['synthesize', mel, ...fast, '-o', output], here)
      assert.equal(run.status, 0, run.stderr)
      assert.ok(existsSync(at(`${output}/m.wav`)))
    }
  })

  test('may have an extension in upper case', () => {
    for (const args of [
      ['synthesize', mel, ...fast, '-o', 'UPPER.WAV', '--picture'],
      ['generate', '-m', smallGenerator, '--seconds', '0.02', '-o', 'CLIP.WAV'],
    ]) {
      const run = called(args, here)
      assert.equal(run.status, 0, run.stderr)
    }
    assert.ok(statSync(at('UPPER.WAV')).isFile() && statSync(at('CLIP.WAV')).isFile() && existsSync(at('UPPER.png')))
  })

  test('is checked before any input is read', () => {
    const refused = called(['synthesize', 'absent.npy', ...fast, '-o', 'absent/result.wav'], here)
    assert.match(refused.stderr, /^error\[NOT_WRITABLE\]: the folder to write into does not exist/)
  })

  test('must not have a name that is too long', () => {
    const refused = called(['synthesize', 'm.npy', ...fast, '-o', `${'x'.repeat(300)}.wav`], here)
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /^error\[NOT_WRITABLE\]: the name is too long .*\n.*Choose a shorter one/)
  })

  test('must not be one file for several results, nor of another format', () => {
    put('other.npy', npyMel(2))
    for (const args of [
      ['generate', '-m', smallGenerator, '-o', 'g.wav', '--count', '2'],
      ['synthesize', 'm.npy', 'other.npy', ...fast, '-o', 'g.wav'],
      ['synthesize', 'm.npy', ...fast, '-o', 'g.mp3'],
      ['generate', '-m', smallGenerator, '-o', 'g.flac'],
      ['mel', recording, '-o', 'g.csv', '--convention', 'lmnt'],
    ]) {
      const run = called(args, here)
      assert.equal(run.status, 2, run.stderr)
      assert.match(run.stderr, /^error\[BAD_OPTION\]/)
      assert.ok(!['g.wav', 'g.mp3', 'g.flac', 'g.csv'].some(name => existsSync(at(name))))
    }
  })
})

test('a signal ends the wait for a reader of standard output that stalls', async context => {
  context.mock.method(process.stdout, 'write', () => false)
  const stop = new AbortController()
  const writing = writeStdout(new Uint8Array(1), stop.signal)
  stop.abort()
  await assert.rejects(writing, { code: 'ABORTED' }).finally(() => context.mock.restoreAll())
})
