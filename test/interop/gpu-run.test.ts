/** A run on a rented machine: packed at home, trained by gpu-run.sh in stages, and joined at home again. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { decodeSafetensors } from '#src/formats/safetensors'
import { inRepository } from '../support/paths.js'
import { scratch } from '../support/process.js'
import { onOwnSteps, putConfig, putRecordings } from './small-run.js'
import { trainerPython } from './torch.js'

const { python, skip: lacks, start } = await trainerPython()
const skip = process.platform === 'win32' ? 'needs bash' : lacks
const folder = scratch()
putRecordings(folder, 22050)
const config = putConfig(folder, 'first.json')
const own = putConfig(folder, 'second.json', c => {
  onOwnSteps(c)
  Object.assign(c, {
    adversarial: { alone: 1, windows: [512], resolutionChannels: 2, periods: [2], periodChannels: 2 },
  })
})
const script = inRepository('interop/pytorch/gpu-run.sh')
const env = {
  ...process.env,
  DIFFWAVE_RUN: folder.at('machine'),
  DIFFWAVE_PYTHON: python,
  // The checkpoint then has more pieces than there are digits.
  DIFFWAVE_PIECE: '5k',
  CUDA_VISIBLE_DEVICES: '',
  OMP_NUM_THREADS: '1',
}
const gpuRun = (...args: readonly string[]) => spawnSync('bash', [script, ...args], { env, encoding: 'utf8' })
const out = folder.at('out')
const small = ['--precision', 'float32', '--threads', '1']

async function packed(args: readonly string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return start('pack', [...args, '--out', folder.at('pack')]).ended
}

describe('a run on a rented machine', { skip }, () => {
  test('refuses at home what would end it there', async () => {
    const data = ['--data', folder.at('data')]
    folder.put('other/first.json', '{}')
    const wider = putConfig(folder, 'wider.json', c => {
      c.model.network.channels = 12
    })
    await start('train', [wider, ...data, '--out', folder.at('wider'), '--max-steps', '1', ...small]).ended
    for (const [args, message] of [
      [
        [config, ...data, '--part-mebibytes', '0.1'],
        /^error: code\/.* does not fit into the parts; use larger --part-mebib/,
      ],
      [[config, folder.at('other/first.json'), ...data], /^error: first\.json: configs need different names, since /],
      [
        [config, ...data, '--from', folder.at('wider/model')],
        /^error: .* has another shape: expected \[8, .*got \[12, /,
      ],
    ] as const) {
      const { status, stderr } = await packed(args)
      assert.equal(status, 1)
      assert.match(stderr, message)
      assert.deepEqual(
        readdirSync(folder.at('pack')).filter(name => name.endsWith('.tar')),
        [],
      )
    }
  })

  test('trains its stages from one another, and continues at home', async () => {
    // Folders that overlap: each recording counts once.
    const data = ['--data', folder.at('data'), folder.at(''), '--part-mebibytes', '2']
    const { status, stdout, stderr } = await packed([config, own, ...data])
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^found more than once in the data folders, used once: .*0\.wav and 2 more$/m)
    assert.equal(gpuRun('unpack', folder.at('pack/part-1.tar')).status, 0)
    assert.deepEqual(readdirSync(folder.at('machine/data')), ['0'])

    for (const stage of [
      ['train', 'first.json', '9', out, '--max-steps', '2'],
      ['adversarial', 'second.json', '9', out, '--max-steps', '2'],
    ]) {
      const ended = gpuRun(...stage, ...small)
      assert.equal(ended.status, 0, ended.stderr + ended.stdout)
    }
    const files = readdirSync(out)
    assert.ok(files.filter(name => name.startsWith('checkpoint.safetensors.')).length > 10, `${files}`)
    for (const name of ['config.json', 'logs.tgz', 'weights.safetensors.00']) assert.ok(files.includes(name), name)
    const log = spawnSync('tar', ['-xzOf', `${out}/logs.tgz`, 'log'], { encoding: 'utf8' }).stdout
    assert.match(log, /^== adversarial second\.json, 9 minutes$(.|\n)*"step": 2.*"discriminatorLoss": [12]\./m)

    const joined = gpuRun('join', out, folder.at('joined'))
    assert.equal(joined.status, 0, joined.stderr)
    const path = folder.at('joined/checkpoint.safetensors')
    const { step } = JSON.parse(decodeSafetensors(readFileSync(path), path).metadata.get('position')!)
    assert.equal(step, 2)
    const resume = ['--out', folder.at('joined'), '--resume', '--new-data', '--max-steps', '3', ...small]
    const home = await start('train', [own, '--data', folder.at('data'), ...resume]).ended
    assert.equal(home.status, 0, home.stderr)
  })

  test('brings back the log and what it had if a stage fails', () => {
    const before = readFileSync(`${out}/weights.safetensors.00`)
    const ended = gpuRun('train', 'first.json', '9', out, '--device', 'cuda')
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, /^error: the stage failed; its last lines are above, and in logs\.tgz$/m)
    const log = spawnSync('tar', ['-xzOf', `${out}/logs.tgz`, 'log'], { encoding: 'utf8' }).stdout
    assert.match(log, /^error: --device cuda: PyTorch finds no CUDA device$/m)
    assert.equal(gpuRun('join', out, folder.at('joined-again')).status, 0)
    assert.equal(readFileSync(`${out}/weights.safetensors.00`).length, before.length)
  })

  test('saves and brings back what it has if all processes are told to end', async () => {
    const running = spawn('bash', [script, 'train', 'first.json', '9', folder.at('ended'), ...small], {
      env: { ...env, DIFFWAVE_RUN: folder.at('machine') },
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let stdout = ''
    running.stdout.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    while (!stdout.includes('"step": 5') && running.exitCode === null) await setTimeout(10)
    process.kill(-running.pid!, 'SIGTERM')
    const [status] = await once(running, 'close')
    assert.equal(status, 0, stdout)
    assert.equal(gpuRun('join', folder.at('ended'), folder.at('ended-run')).status, 0)
  })

  test('does not join pieces of different stages', () => {
    writeFileSync(`${out}/weights.safetensors.00`, 'another stage')
    const { status, stderr } = gpuRun('join', out, folder.at('mixed'))
    assert.equal(status, 1)
    assert.match(stderr, /^error: .*out: files are missing, or from another stage$/m)
  })
})
