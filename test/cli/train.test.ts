/** `diffwave train`, above all as a process that ends early: it saves the run, and its status tells why. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import { smallStepEmbedding } from '../support/configs.js'
import { inRepository } from '../support/paths.js'
import { called, shellStatus } from '../support/process.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder('cli-train')
const recordings = join(scratch, 'recordings')
mkdirSync(recordings)
const samples = gaussian(1, 0, 0, 4000).map(x => x * 0.1)
writeFileSync(join(recordings, 'a.wav'), encodeWav({ samples, sampleRate: 8000 }))
// A link to the folder itself, which must not be walked for ever.
for (const name of ['l1', 'l2']) symlinkSync('.', join(recordings, name))
const config = join(scratch, 'train.json')
writeFileSync(
  config,
  JSON.stringify({
    model: {
      kind: 'generator',
      sampleRate: 8000,
      network: { stepEmbedding: smallStepEmbedding, channels: 4, layers: 2, dilationCycle: 2, patch: 4 },
      diffusion: { training: { kind: 'cosine', steps: 10 } },
    },
    data: { cropSamples: 256, batch: 1, validationShare: 0 },
    optimiser: { totalSteps: 100_000_000, decaySteps: 3 },
    every: { log: 1, validation: 1_000_000, checkpoint: 1_000_000 },
  }),
)
let runs = 0

/** Starts a run that does not end by itself, and waits until it has made its first updates. */
async function started(stdout: 'pipe' | number = 'pipe') {
  const out = join(scratch, `run-${runs++}`)
  const main = inRepository('dist/cli/main.js')
  const words = [main, 'train', config, '--data', recordings, '--out', out, '--threads', '1']
  const child = spawn(process.execPath, words, { stdio: ['ignore', stdout, 'pipe'] })
  let [notes, result] = ['', '']
  child.stdout?.on('data', text => (result += text))
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', text => {
      notes += text
      if (notes.includes('step 3/')) resolve()
    })
    child.once('exit', status => reject(new Error(`ended with ${status}: ${notes}`)))
  })
  return { child, out, notes: () => notes, result: () => result }
}

const ended = (child: ChildProcess) =>
  new Promise<number | null>(resolve => child.once('close', (...how) => resolve(shellStatus(...how))))
const isSaved = (out: string) => existsSync(join(out, 'checkpoint.safetensors')) && !existsSync(join(out, 'lock.json'))

describe('train saves a run that is ended', () => {
  test('by a signal, with its status, and finishes it later', async () => {
    const { child, out, notes, result } = await started()
    child.kill('SIGINT')
    assert.equal(await ended(child), 130)
    assert.ok(isSaved(out))
    assert.match(result(), /: \d+ updates in \d+ s, saved for --resume\n$/)
    assert.match(notes(), /\nstopped\n$/)

    const finish = called(['train', config, '--data', recordings, '--out', out, '--finish', '--threads', '1'])
    assert.equal(finish.status, 0, finish.stderr)
    const steps = Number(/: (\d+) updates/.exec(result())![1])
    assert.match(finish.stdout, new RegExp(`: ${steps + 3} updates in \\d+ s, finished\\n$`))
    assert.match(finish.stderr, /step \d+\/\d+ +loss [\d.]+ +learning rate [\d.e-]+ +\d+ samples\/s +\d+ s left\n/)
  })

  test('by a signal after the reader of standard error has left', async () => {
    const { child, out } = await started()
    child.stderr!.destroy()
    await new Promise(resolve => setTimeout(resolve, 300))
    assert.equal(child.exitCode, null)
    child.kill('SIGHUP')
    assert.equal(await ended(child), 129)
    assert.ok(isSaved(out))
  })

  test('by a signal with full standard output, and reports the full output', {
    skip: existsSync('/dev/full') ? false : 'needs /dev/full',
  }, async () => {
    const { child, out, notes } = await started(openSync('/dev/full', 'w'))
    child.kill('SIGTERM')
    await ended(child)
    assert.ok(isSaved(out))
    assert.match(notes(), /DISK_FULL/)
  })
})

test('a second signal ends training at once, and leaves no lock and no temporary files', async () => {
  const { child, out, notes } = await started()
  child.kill('SIGINT')
  child.kill('SIGTERM')
  assert.ok([130, 143].includes((await ended(child))!))
  assert.deepEqual(
    readdirSync(out).filter(name => /lock|tmp/.test(name)),
    [],
  )
  assert.match(notes(), /\nstopped\n$/)
})

test('train tells the time of a short run in seconds, and what ended it', () => {
  const words = ['train', config, '--data', recordings, '--out', join(scratch, 'short'), '--max-steps', '2']
  const { stdout, stderr } = called([...words, '--threads', '1'])
  assert.match(stderr, /: 1 clip, 1 s \(/)
  assert.match(stdout, /short: 2 updates in \d+ s, stopped by --max-steps\n$/)
})

test('train takes the threads of DIFFWAVE_THREADS', () => {
  const words = ['train', config, '--data', recordings, '--out', join(scratch, 'threads')]
  const { status, stderr } = called(words, { env: { DIFFWAVE_THREADS: '0' } })
  assert.equal(status, 2)
  assert.match(stderr, /out of range.*DIFFWAVE_THREADS/)
})

test('train ends its line of progress on a terminal before an error', () => {
  const out = join(scratch, 'blocked')
  mkdirSync(out)
  // The model, which is written with the first checkpoint, needs a folder of this name.
  writeFileSync(join(out, 'model'), '')
  const brief = join(scratch, 'brief.json')
  const settings = JSON.parse(readFileSync(config, 'utf8'))
  writeFileSync(brief, JSON.stringify({ ...settings, every: { log: 1, validation: 100, checkpoint: 2 } }))
  const words = ['train', brief, '--data', recordings, '--out', out, '--threads', '1']
  assert.match(called(words, { typed: '' }).stderr, /step 1\/[^\n]*\nerror\[NOT_A_DIRECTORY\]: /)
})
