/** What the PyTorch trainer does when a machine fails it: no GPU memory, no compiler, a full disk, damaged files. */
import assert from 'node:assert/strict'
import { readFileSync, symlinkSync } from 'node:fs'
import { describe, test } from 'node:test'
import { decodeSafetensors, encodeSafetensors } from '#src/formats/safetensors'
import { freePort } from '../support/http-server.js'
import { scratch } from '../support/process.js'
import { type Config, onOwnSteps, putConfig, putRecordings } from './small-run.js'
import { trainerPython } from './torch.js'

const { evaluate, skip, start } = await trainerPython()
const folder = scratch()
putRecordings(folder, 9000)
const file = putConfig(folder, 'train.json')
const own = putConfig(folder, 'own.json', onOwnSteps)
const options = (run: string, steps: number) => [
  ...['--data', folder.at('data'), '--out', folder.at(run), '--max-steps', `${steps}`],
  ...['--precision', 'float32', '--threads', '1'],
]
const checkpointPath = (run: string) => folder.at(`${run}/checkpoint.safetensors`)
const stepOf = (run: string) => {
  const path = checkpointPath(run)
  return JSON.parse(decodeSafetensors(readFileSync(path), path).metadata.get('position')!).step
}

async function trained(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { status, stdout, stderr } = await start('train', args, env).ended
  assert.equal(status, 0, stderr)
  return stdout
}

/** The trainer, changed by a program. */
const changed = (program: string) => `
import sys, torch
from diffwave_torch import network, processes, train, trainer
${program}
sys.exit(train.run_training(trainer.Trainer, train.arguments("train", "")))
`

/** Runs the trainer after changing it by a program, and returns the one line with which it fails. */
async function failure(program: string, args: readonly string[]): Promise<string> {
  const { status, stderr } = await evaluate(changed(program), args)
  assert.equal(status, 1, stderr)
  return stderr.trim()
}

describe('the PyTorch trainer ends with one line', { skip }, () => {
  /** The nth forward pass finds no memory. */
  const outOfMemory = (n: number) => `
calls, forward = [], network.Network.forward
def limited(*args, **options):
    calls.append(1)
    if len(calls) >= ${n}:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.\\nSee the documentation.")
    return forward(*args, **options)
network.Network.forward = limited
`
  const tooLittle = 'error: the GPU has too little memory for 2 crops of 4096 samples; use a smaller --batch, or '

  test('if the GPU has too little memory, and saves what it has', async () => {
    assert.equal(await failure(outOfMemory(1), [file, ...options('never', 9)]), `${tooLittle}data.cropSamples`)
    const later = await failure(outOfMemory(4), [file, ...options('later', 9)])
    assert.equal(later, `${tooLittle}data.cropSamples; saved at step 3`)
    assert.equal(stepOf('later'), 3)
    await trained([file, ...options('later', 4), '--resume', '--batch', '1'])
    assert.equal(stepOf('later'), 4)
  })

  test('if one of two processes has too little GPU memory, and it saves what they have', async () => {
    const port = String(await freePort())
    const ranked = (rank: number) => `
import os
os.environ.update(WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT="${port}", RANK="${rank}", LOCAL_RANK="${rank}")
${rank === 1 ? outOfMemory(4) : ''}`
    const args = [file, ...options('ranks', 9)]
    const first = evaluate(changed(ranked(0)), args)
    assert.equal(await failure(ranked(1), args), `${tooLittle}data.cropSamples; saved at step 3`)
    assert.notEqual((await first).status, 0)
    assert.equal(stepOf('ranks'), 3)
  })

  test('if this PyTorch cannot use the GPU', async () => {
    const gpu = `
torch.cuda.is_available = lambda: True
torch.cuda.device_count = lambda: 1
def ones(*shape, device=None):
    raise RuntimeError("CUDA error: no kernel image is available for execution on the device\\nCompile with ...")
torch.ones = ones
`
    const on = (device: string) => failure(gpu, [file, ...options('never', 1), '--device', device])
    const noImage = 'error: --device cuda: CUDA error: no kernel image is available for execution on the device'
    assert.equal(await on('cuda'), noImage)
    assert.equal(await on('cuda:1'), 'error: --device cuda:1: PyTorch finds 1 CUDA devices, counted from 0')
    assert.equal(await on('mps'), 'error: --device mps: expected cpu, cuda or cuda:N')
  })

  test('if this PyTorch is too old', async () => {
    const old = 'torch.__version__ = torch.torch_version.TorchVersion("1.13.1+cu117")'
    const message = await failure(old, [file, ...options('never', 1)])
    assert.equal(message, 'error: PyTorch 1.13.1+cu117 is too old; expected 2.1 or later')
  })

  test('if the GPU only emulates bfloat16, even if another one computes with it', async () => {
    const emulating = `
import contextlib
current = ["cuda:0"]
@contextlib.contextmanager
def device(chosen):
    current.append(str(chosen))
    yield
    current.pop()
torch.cuda.device = device
torch.cuda.is_bf16_supported = lambda including_emulation=True: including_emulation or current[-1] == "cuda:0"
processes.Processes = train.Processes = lambda name: type("Gpu", (), {"device": torch.device(name)})
`
    const on = ['--device', 'cuda:1', '--precision', 'bf16']
    const message = await failure(emulating, [file, ...options('never', 1), ...on])
    assert.match(message, /^error: --precision bf16: this GPU cannot compute with bfloat16; use --precision float32$/)
  })

  test('if the disk is full, and keeps the checkpoint before', { skip: process.platform !== 'linux' }, async () => {
    await trained([file, ...options('full', 2)])
    const before = readFileSync(checkpointPath('full'))
    symlinkSync('/dev/full', `${checkpointPath('full')}.new`)
    const { status, stderr } = await start('train', [file, ...options('full', 4), '--resume']).ended
    assert.equal(status, 1)
    assert.equal(stderr, `error: ${checkpointPath('full')}: no space left on device\n`)
    assert.deepEqual(readFileSync(checkpointPath('full')), before)
    await trained([file, ...options('full', 4), '--resume'])
    assert.equal(stepOf('full'), 4)
  })

  test('if the checkpoint is damaged', async () => {
    await trained([file, ...options('whole', 1)])
    const whole = readFileSync(checkpointPath('whole'))
    const header = (text: string) => {
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(text.length))
      return Buffer.concat([length, Buffer.from(text)])
    }
    for (const [bytes, message] of [
      [whole.subarray(0, 5), 'not a safetensors file, or cut short'],
      [whole.subarray(0, whole.length - 5), 'second/output_projection.bias ends beyond the end of the file, '],
      [header('{"a": 1}'), 'not a safetensors file'],
      [header('{"a": {"dtype": "BF16", "shape": [0], "data_offsets": [0, 0]}}'), 'a is of type BF16, expected F32 or '],
      [header('{"__metadata__": {"position": "{}"}}'), 'the checkpoint does not say its position'],
    ] as const) {
      folder.put('damaged/checkpoint.safetensors', bytes)
      const { status, stderr } = await start('train', [file, ...options('damaged', 2), '--resume']).ended
      assert.equal(status, 1)
      assert.ok(stderr.startsWith(`error: ${checkpointPath('damaged')}: ${message}`), stderr)
      assert.equal(stderr.trim().split('\n').length, 1, stderr)
    }
    const moment = 'first/skip_projection.bias'
    without(moment, 'whole/checkpoint.safetensors', 'damaged/checkpoint.safetensors')
    const { stderr } = await start('train', [file, ...options('damaged', 2), '--resume']).ended
    assert.equal(stderr, `error: ${checkpointPath('damaged')}: the parameter ${moment} is missing\n`)
  })
})

/** Copies a file of tensors without one of them. */
function without(name: string, from: string, to: string): void {
  const { tensors, metadata } = decodeSafetensors(readFileSync(folder.at(from)), from)
  assert.ok(tensors.delete(name))
  folder.put(to, encodeSafetensors(tensors, metadata))
}

describe('the second stage of the PyTorch trainer', { skip }, () => {
  const judged = putConfig(folder, 'judged.json', config => {
    onOwnSteps(config)
    const sizes = { windows: [512], resolutionChannels: 2, periods: [2], periodChannels: 2 }
    Object.assign(config, { adversarial: { alone: 0, ...sizes } })
  })
  /** Audio of update 1 is not finite. */
  const broken = `
import sys, torch
from diffwave_torch import adversarial, train
class Broken(adversarial.AdversarialTrainer):
    def made(self, draw):
        made = super().made(draw)
        return [audio * float("nan") for audio in made] if self.position["step"] == 1 else made
sys.exit(train.run_training(Broken, train.arguments("adversarial", "")))
`

  test('goes on after an update that is not finite, and names a missing moment', async () => {
    const { status, stderr } = await evaluate(broken, [judged, ...options('judged', 3)])
    assert.equal(status, 0, stderr)
    const file = 'judged/discriminators-3.safetensors'
    const { tensors } = decodeSafetensors(readFileSync(folder.at(file)), file)
    for (const [name, { data }] of tensors) assert.ok(data.every(Number.isFinite), name)
    const moment = 'second/1.last.bias'
    folder.put('lacking/checkpoint.safetensors', readFileSync(checkpointPath('judged')))
    without(moment, file, file.replace('judged', 'lacking'))
    const resumed = await start('adversarial', [judged, ...options('lacking', 4), '--resume']).ended
    const path = folder.at('lacking/discriminators-3.safetensors')
    assert.equal(resumed.stderr, `error: ${path}: the parameter ${moment} is missing\n`)
  })
})

describe('the PyTorch trainer goes on', { skip }, () => {
  test('without torch.compile where no compiler works', async () => {
    const program = `
import sys
import torch._inductor.config
from diffwave_torch import train, trainer
torch._inductor.config.cpp.cxx = (None, "/bin/false")
sys.exit(train.run_training(trainer.Trainer, train.arguments("train", "")))
`
    const { status, stdout, stderr } = await evaluate(program, [file, ...options('plain', 2), '--compile'])
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^--compile: torch\.compile fails here, training continues without it: \S/m)
    assert.equal(stepOf('plain'), 2)
  })

  test('to the end of the time, which may come before the first update', async () => {
    for (const [module, config] of [
      ['train', file],
      ['adversarial', own],
    ] as const) {
      const late = [config, ...options(`late-${module}`, 9), '--minutes', '0.0001', '--decay-minutes', '0.0001']
      const { status, stdout, stderr } = await start(module, late).ended
      assert.equal(status, 0, stderr)
      assert.match(stdout, /^no update after step 0: the time is over$/m)
      assert.equal(stepOf(`late-${module}`), 0)
    }
    const { stderr } = await start('train', [file, ...options('none', 1), '--decay-minutes', '1']).ended
    assert.match(stderr, /error: --decay-minutes needs --minutes\n$/)
  })
})

describe('processes that find pulses', { skip: skip || (process.platform === 'linux' ? false : 'needs /proc') }, () => {
  const slow = putConfig(folder, 'slow.json', (config: Config) => {
    onOwnSteps(config)
    config.every.log = 1
  })
  /** Lists the processes of a run that find pulses: they map the recordings into memory. */
  const listing = `
import glob, os, sys, time
def workers():
    found = []
    for path in glob.glob("/proc/[0-9]*/maps"):
        try:
            found += [int(path.split("/")[2])] if sys.argv[1] in open(path).read() else []
        except OSError:
            pass
    return found
`
  const started = async (run: string) => {
    const running = start('train', [slow, ...options(run, 100), '--workers', '1'])
    await running.until('"step": 2')
    return running
  }
  const evaluated = async (program: string, run: string) => {
    const { status, stderr } = await evaluate(listing + program, [folder.at(`${run}/recordings-0-0.npy`)])
    assert.equal(status, 0, stderr)
  }

  test('end with a trainer that is killed', async () => {
    const running = await started('killed')
    running.kill()
    await running.ended
    await evaluated(
      `
limit = time.time() + 20
while workers() and time.time() < limit:
    time.sleep(0.05)
assert not workers(), workers()
`,
      'killed',
    )
  })

  test('end a run in one line if they are killed, and the run is saved', async () => {
    const running = await started('orphaned')
    await evaluated('for worker in workers(): os.kill(worker, 9)', 'orphaned')
    const { status, stderr } = await running.ended
    assert.equal(status, 1)
    const message = /^error: the processes that find pulses have ended; .*; saved at step (\d+)$/m.exec(stderr)
    assert.equal(stepOf('orphaned'), Number(message![1]), stderr)
  })
})
