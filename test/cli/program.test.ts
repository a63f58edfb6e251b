/** Common features of all commands: help, suggestions, errors as JSON, and defaults from the environment. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { npyMel, putTone, smallVocoder } from '../support/cli-inputs.js'
import { called, jsonLines, scratch, shell } from '../support/process.js'

const files = scratch()
const { at, put } = files
const mel = put('mel.npy', npyMel(2))

describe('the help', () => {
  test('lists every command with its summary, and fits 100 columns', () => {
    const { status, stdout, stderr } = called(['--help'])
    assert.deepEqual([status, stderr], [0, ''])
    for (const name of ['synthesize', 'generate', 'inpaint', 'mel', 'train', 'evaluate', 'doctor']) {
      assert.match(stdout, new RegExp(`^ {2}${name} .* {2,}[A-Z]`, 'm'))
    }
    for (const line of stdout.split('\n')) assert.ok(line.length <= 100, line)
  })

  test('of a command shows its options, those that are required, and examples', () => {
    for (const args of [
      ['train', '--help'],
      ['help', 'train'],
    ]) {
      const { status, stdout } = called(args)
      assert.equal(status, 0)
      assert.match(stdout, /\nOptions of all commands:\n {2}--json .*\n {2}--quiet .*\n {2}--debug .*\n/)
      assert.match(stdout, /--engine <engine> .*\(choices: auto,\s+native,/)
      assert.match(stdout, /--data <dir\.\.\.> .*\(required\)\n[\s\S]*Examples:\n {2}diffwave train/)
    }
  })

  test('is printed with status 2 for a call without a command', () => {
    const { status, stdout } = called([])
    assert.equal(status, 2)
    assert.match(stdout, /^Usage: diffwave/)
  })
})

test('a mistyped call gets a suggestion', () => {
  for (const [args, hint] of [
    [['synthesise', mel], 'synthesize'],
    [['sythesize', mel], 'synthesize'],
    [['synth', mel], 'synthesize'],
    [['tarin', 'mel'], 'train? `diffwave --help` lists'],
    [['help', 'tarin'], 'train? `diffwave --help` lists'],
    [['synthesize', mel, '--stpes', '4'], '--steps'],
    [['synthesize', mel, '--chunk', '4'], '--chunk-frames'],
    [['synthesize', mel, '--qiuet'], '--quiet'],
    [['synthesize', mel, '-m', 'speach', '-o', 'x.wav'], 'speech'],
    [['synthesize', mel, '--engine', 'tensorflow:wsam', '-o', 'x.wav'], 'tensorflow:wasm'],
    [['mel', mel, '--convention', 'tacotron', '-o', 'x.npy'], 'tacotron2'],
  ] as const) {
    const { status, stderr } = called(args)
    assert.equal(status, 2)
    assert.ok(stderr.includes(`\nhint: Did you mean ${hint}`), stderr)
  }
})

test('an error of the library names the option that was typed', () => {
  const small = ['-m', smallVocoder, '-o', at('own')]
  for (const [args, message] of [
    [
      ['synthesize', mel, ...small, '--chunk-frames', '0'],
      'the value is too small, expected at least 1, got 0 (--chunk-frames)',
    ],
    [['synthesize', mel, ...small, '--threads', '0'], 'the value is too small, expected at least 1, got 0 (--threads)'],
    [['export', smallVocoder, '-o', at('x.onnx'), '--max-batch', '3'], '--max-batch has no effect here'],
    [
      ['export', smallVocoder, '-o', at('x.safetensors'), '--max-batch', '3', '--name', 'a'],
      '--max-batch has no effect here',
    ],
  ] as const) {
    const { status, stderr } = called(args)
    assert.equal(status, 2)
    assert.ok(stderr.split('\n')[0]!.endsWith(message), stderr)
  }
  // Each of several inputs, too.
  const both = called(['synthesize', mel, put('mel2.npy', npyMel(2)), ...small, '--eta', '3'])
  assert.equal(both.stderr.match(/ \(--eta\)\n/g)?.length, 2, both.stderr)
})

test('a call of options alone names no command', () => {
  const { status, stderr } = called(['--quiet'])
  assert.equal(status, 2)
  assert.match(stderr, /^error\[BAD_OPTION\]: no command is named\nhint: `diffwave --help` lists commands/)
})

describe('--json', () => {
  const fields = ['error', 'code', 'problem', 'expected', 'got', 'where', 'hint']

  test('prints an error as one line with its code and its clauses', () => {
    const { status, stdout, stderr } = called(['--json', 'mel', mel, '-o', 'x.npy', '--convention', 'tacotron'])
    assert.deepEqual([status, stdout], [2, ''])
    const [error, ...more] = jsonLines(stderr)
    assert.deepEqual(more, [])
    assert.deepEqual(Object.keys(error!), fields)
    const { code, expected, got, where } = error!
    assert.deepEqual(
      { code, expected, got, where },
      {
        code: 'BAD_OPTION',
        expected: 'one of lmnt, tacotron2, hifigan, amphion, vocos, or a JSON file',
        got: 'tacotron',
        where: '--convention',
      },
    )
  })

  test('may follow the command, and also applies to errors of the call itself', () => {
    const [error] = jsonLines(called(['synthesize', '--json', '--stepz', '3']).stderr)
    assert.equal(error!['code'], 'BAD_OPTION')
    assert.match(String(error!['hint']), /--steps/)
  })

  test('prints notes as lines of JSON', () => {
    const run = called(['--json', 'mel', putTone(files), '-o', at('tone.npy'), '--convention', 'lmnt'])
    assert.equal(run.status, 0, run.stderr)
    assert.match(String(jsonLines(run.stderr)[0]!['note']), /resampled/)
    assert.equal(jsonLines(run.stdout)[0]!['bands'], 80)
  })

  test('prints a line for each input that fails', () => {
    const args = ['--json', 'mel', at('none.wav'), at('no.wav'), '-o', at('mels'), '--convention', 'lmnt']
    assert.deepEqual(
      jsonLines(called(args).stderr).map(({ code }) => code),
      ['FILE_NOT_FOUND', 'FILE_NOT_FOUND'],
    )
  })
})

test('--debug adds the stack trace', () => {
  const { stderr } = called(['--debug', 'inspect', at('none.npy')])
  assert.match(stderr, /^error\[FILE_NOT_FOUND\].*\n[\s\S]*\n {4}at /)
})

test('control characters in a name are escaped', () => {
  const name = 'a\u001b[31mred\u009b2J\rfake: ok\nerror.wav'
  const { stderr } = called(['inspect', at(name)])
  assert.match(
    stderr,
    /a\\u001b\[31mred\\u009b2J\\u000dfake: ok error\.wav|a\\u001b\[31mred\\u009b2J\\u000dfake: ok\\u000aerror/,
  )
  for (const character of ['\u001b', '\u009b', '\r']) assert.ok(!stderr.includes(character))
  put(name, npyMel(2))
  const { stdout } = called(['inspect', at(name)])
  assert.match(stdout.split('\n')[0]!, /\\u001b\[31mred.*\\u000aerror/)
})

test('a mistyped word with a line break is shown in full, and so is the hint', () => {
  for (const args of [['synthesise\nx'], ['synthesize', '--stpes\nx']]) {
    const { stderr } = called(args)
    assert.match(stderr, /^error\[BAD_OPTION\]: unknown (command|option) '[^']* x'\nhint: .*`diffwave .*--help` lists/)
  }
})

describe('environment variables', () => {
  test('DIFFWAVE_MODEL and DIFFWAVE_THREADS replace -m and --threads', () => {
    const args = ['synthesize', mel, '-o', at('env.wav'), '--steps', '1']
    const run = called(args, { env: { DIFFWAVE_MODEL: smallVocoder, DIFFWAVE_THREADS: '1' } })
    assert.equal(run.status, 0, run.stderr)
    const wrong = called([...args, '--force'], { env: { DIFFWAVE_MODEL: smallVocoder, DIFFWAVE_THREADS: 'two' } })
    assert.equal(wrong.status, 2)
    assert.match(wrong.stderr, /DIFFWAVE_THREADS/)
    const named = called([...args, '--force', '-m', smallVocoder], { env: { DIFFWAVE_MODEL: 'nonesuch' } })
    assert.equal(named.status, 0, named.stderr)
  })
})

test('shipped models work by default and by name in an empty folder', () => {
  mkdirSync(at('empty'))
  const cwd = at('empty')
  const made = called(['generate', '-o', 'clip.wav', '--seconds', '0.1', '--steps', '1'], { cwd })
  assert.equal(made.status, 0, made.stderr)
  const env = { DIFFWAVE_MODEL: 'music' }
  for (const line of [
    ['denoise', 'clip.wav', '-o', 'clean.wav', '--snr', '20', '--steps', '1'],
    ['interpolate', 'clip.wav', 'clip.wav', '-o', 'mix.wav', '--step', '5', '--steps', '1'],
  ]) {
    const { status, stderr } = called(line, { cwd, env })
    assert.equal(status, 0, stderr)
  }
  assert.match(called(['synthesize', mel, '-o', 'refused.wav'], { cwd, env }).stderr, /error\[BAD_CONFIG\]/)
  assert.deepEqual(readdirSync(cwd).sort(), ['clean.wav', 'clip.wav', 'mix.wav'])
})

test('an empty value of an option is refused, with the name of the option', () => {
  for (const [option, args] of [
    ['--output', ['mel', 'tone.wav', '--convention', 'lmnt', '-o', '']],
    ['--out', ['train', 'speech', '--data', 'recordings', '--out', '']],
    ['--models', ['serve', '--models', 'speech', '']],
  ] as const) {
    const { status, stderr } = called(args)
    assert.equal(status, 2)
    assert.match(stderr, new RegExp(`^error\\[BAD_OPTION\\]: the value is empty \\(${option}\\)\n`))
  }
})

test('in a removed working directory, only paths to elsewhere work', {
  skip: process.platform !== 'linux',
}, () => {
  const tone = putTone(files)
  const run = (args: string) => {
    const gone = at('gone')
    mkdirSync(gone)
    return shell(`rmdir '${gone}' && diffwave mel '${tone}' ${args}`, gone)
  }
  const elsewhere = run(`-m speech -o '${at('elsewhere.npy')}'`)
  assert.equal(elsewhere.status, 0, elsewhere.stderr)
  const here = run('--convention lmnt -o here.npy')
  assert.equal(here.status, 1)
  assert.match(here.stderr, /^error\[NOT_READABLE\]: the working directory was removed\nhint: /)
})

test('a command says how several values are separated', () => {
  for (const [args, right] of [
    [['tune', 'a.wav', '--steps', '2,3'], '--steps 2 3'],
    [['inpaint', 'a.wav', '--gaps', '1-1.2, 3-3.1'], '--gaps 1-1.2 3-3.1'],
  ] as const) {
    const { status, stderr } = called(args)
    assert.equal(status, 2)
    assert.ok(stderr.endsWith(`hint: Separate several values by spaces: ${right}\n`), stderr)
  }
})
