/** The trainer of interop/pytorch: resuming, several processes, and refusals. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { describe, test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { pitchNetworkSchema } from '#src/audio/mel/pitch-network'
import { MAX_REFINEMENT_ITERATIONS } from '#src/core/limits'
import { decodeSafetensors } from '#src/formats/safetensors'
import { Trainer } from '#src/trainer'
import { loadDataset } from '#src/training/data/load-dataset'
import { freePort } from '../support/http-server.js'
import { relativeError } from '../support/numbers.js'
import { scratch } from '../support/process.js'
import { type Config, onOwnSteps, putConfig, putRecordings, smallConfig } from './small-run.js'
import { trainerPython } from './torch.js'

const { evaluate, skip, start } = await trainerPython()
const folder = scratch()

putRecordings(folder, 9000)
const written = (name: string, changes?: (config: Config) => void) => putConfig(folder, name, changes)
const options = (run: string, steps: number) => [
  ...['--data', folder.at('data'), '--out', folder.at(run), '--max-steps', `${steps}`],
  ...['--precision', 'float32', '--threads', '1'],
]
const checkpoint = (run: string) =>
  decodeSafetensors(readFileSync(folder.at(`${run}/checkpoint.safetensors`)), run).tensors

async function trained(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const { status, stderr } = await start('train', [file, ...args], env).ended
  assert.equal(status, 0, stderr)
}

/** The trainer of this package, to continue a run. */
function resumed(file: string, run: string, maxSteps: number): Trainer {
  const config = JSON.parse(readFileSync(file, 'utf8'))
  const [data, out] = [folder.at('data'), folder.at(run)]
  return new Trainer({ config, data, out, resume: true, maxSteps, threads: 1, events: false })
}

describe('the PyTorch trainer', { skip }, () => {
  test('resumes a killed run with the same bytes as one that never stopped', async () => {
    const file = written('resume.json')
    const killed = start('train', [file, ...options('killed', 100)])
    const whole = trained(file, options('whole', 6))
    await killed.until('"step": 4')
    killed.kill()
    await killed.ended
    await whole
    await trained(file, [...options('killed', 6), '--resume'])
    const [a, b] = [checkpoint('killed'), checkpoint('whole')]
    assert.deepEqual([...a.keys()], [...b.keys()])
    for (const [name, { data }] of a) assert.deepEqual(data, b.get(name)!.data, name)
  })

  test('continues a run of diffwave train, and the reverse', async () => {
    const file = written('both.json')
    await trained(file, options('both', 2))
    const trainer = resumed(file, 'both', 4)
    const losses: number[] = []
    for await (const { loss } of trainer.run()) losses.push(loss)
    assert.equal(trainer.summary!.step, 4)
    assert.ok(losses.length === 2 && losses.every(Number.isFinite), `${losses}`)
    await trained(file, [...options('both', 6), '--resume'])
    const path = folder.at('both/checkpoint.safetensors')
    const { metadata, tensors } = decodeSafetensors(readFileSync(path), path)
    const { step, optimiserStep, samplesSeen } = JSON.parse(metadata.get('position')!)
    assert.deepEqual([step, optimiserStep, samplesSeen], [6, 6, 6 * 2 * 4096])
    assert.ok(tensors.get('second/skip_projection.weight')!.data.some(moment => moment > 0))
  })

  test('makes the data set of diffwave train of folders that overlap, with labels', async () => {
    folder.put('overlapping/part/3.wav', readFileSync(folder.at('data/1.wav')))
    folder.put('overlapping/0.wav', readFileSync(folder.at('data/0.wav')))
    folder.put('overlapping/._0.wav', 'no audio')
    folder.put('overlapping/metadata.csv', '\uFEFF"0.wav";"one";0\r\n0;two;0,25\r\nlost;two\r\n')
    symlinkSync(folder.at('overlapping'), folder.at('overlapping/part/above'), 'junction')
    symlinkSync(folder.at('overlapping/part'), folder.at('a-link'), 'junction')
    // The name of this one is not UTF-8, where the file system allows that.
    const foreign = folder.put('foreign/2.wav', readFileSync(folder.at('data/2.wav')))
    const linux = process.platform === 'linux'
    if (linux) {
      renameSync(foreign, Buffer.from(`${folder.at('foreign')}/caf\xe9.wav`, 'latin1'))
      mkdirSync(Buffer.from(`${folder.at('overlapping/part')}/caf\xe9`, 'latin1'))
      symlinkSync('nowhere.wav', folder.at('overlapping/part/broken.wav'))
      symlinkSync('nowhere.wav', folder.at('overlapping/part/broken too.wav'))
      symlinkSync('circle.wav', folder.at('overlapping/circle.wav'))
    }
    const folders = ['overlapping/part', 'overlapping', 'a-link', 'foreign'].map(name => folder.at(name))
    const args = ['--data', ...folders, '--out', folder.at('once'), '--max-steps', '1', '--precision', 'float32']
    // Numbers that Python and JavaScript write differently.
    const numbers = { validationShare: 1e-7, speeds: [1, 2 ** (-1 / 12)] }
    const file = written('once.json', c => Object.assign(c.data, numbers))
    const { status, stdout, stderr } = await start('train', [file, ...args]).ended
    assert.equal(status, 0, stderr)
    const { fingerprint, report } = await loadDataset({
      ...{ folders, sampleRate: 22050, minSamples: smallConfig.data.cropSamples, ...numbers },
    })
    assert.match(report.notes.join('\n'), /found more than once in the data folders, used once: .* and \d more$/)
    assert.equal(report.leftOut.length, linux ? 4 : 0)
    const unreadable = /a folder is skipped: .*caf\uFFFD cannot be read: no such file or directory/
    if (linux) assert.match(report.notes.join('\n'), unreadable)
    assert.ok(stdout.startsWith(`${report.notes.join('\n')}\n${report.clips} clips, `), stdout)
    assert.match(stdout, new RegExp(` hours, ${report.leftOut.length} left out; `))
    const path = folder.at('once/checkpoint.safetensors')
    const { metadata } = decodeSafetensors(readFileSync(path), path)
    assert.equal(JSON.parse(metadata.get('position')!).data, fingerprint)
  })

  test('trains with two processes as with one and twice the batch', async () => {
    const [half, whole] = [
      written('half.json'),
      written('twice.json', c => {
        c.data.batch = 4
      }),
    ]
    const port = String(await freePort())
    const env = { WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1', MASTER_PORT: port }
    await Promise.all([
      trained(half, options('two', 3), { ...env, RANK: '0', LOCAL_RANK: '0' }),
      trained(half, options('two', 3), { ...env, RANK: '1', LOCAL_RANK: '1' }),
      trained(whole, options('one', 3)),
    ])
    const [two, one] = [checkpoint('two'), checkpoint('one')]
    for (const [name, { data }] of two) {
      // Adam divides by the root of a gradient's square: where that is next to nothing, rounding shows.
      const bound = name.startsWith('first') || name.startsWith('second') ? 1e-3 : 1e-4
      assert.ok(relativeError(data, one.get(name)!.data) < bound, name)
    }
  })

  test('trains on its own denoising steps through the correction, and resumes', async () => {
    const file = written('own.json', c => {
      Object.assign(c.model.network.frontEnd, { correction: { passes: 2 } })
      Object.assign(c.model.diffusion, { noiseScale: 0.2 })
      Object.assign(c, { noiseLevels: { kind: 'own', steps: 2 } })
    })
    await trained(file, options('own', 1))
    const before = checkpoint('own')
    await trained(file, [...options('own', 3), '--resume'])
    const name = 'weights/output_projection.weight'
    assert.notDeepEqual(checkpoint('own').get(name)!.data, before.get(name)!.data)
    const { provenance, ...model } = JSON.parse(readFileSync(folder.at('own/model/config.json'), 'utf8'))
    assert.equal(provenance.steps, 3)
    assert.deepEqual(model.network.frontEnd.correction, { passes: 2, iterations: 5, relaxation: 1 })
  })

  test('writes a run with recorded pulses that diffwave train continues', async () => {
    for (const kind of ['continuous', 'own']) {
      const file = written(`recorded-${kind}.json`, c => {
        Object.assign(c.model.diffusion, {
          prior: { kind: 'front-end', harmonics: { phase: 'minimum' } },
          clamp: false,
        })
        Object.assign(c, {
          noiseLevels: { kind, ...(kind === 'own' ? { steps: 2 } : {}) },
          pulses: kind === 'own' ? 'mixed' : 'recorded',
        })
      })
      await trained(file, options(`recorded-${kind}`, 1))
      const before = checkpoint(`recorded-${kind}`)
      const trainer = resumed(file, `recorded-${kind}`, 2)
      for await (const step of trainer.run()) assert.ok(Number.isFinite(step.loss))
      const name = 'weights/output_projection.weight'
      assert.notDeepEqual(checkpoint(`recorded-${kind}`).get(name)!.data, before.get(name)!.data)
    }
  })

  test('gives the same run when other processes find the pulses ahead', async () => {
    const file = written('ahead.json', c => {
      Object.assign(c.model.diffusion, { prior: { kind: 'front-end', harmonics: { phase: 'minimum' } } })
      Object.assign(c, { noiseLevels: { kind: 'own', steps: 2 }, pulses: 'mixed' })
      Object.assign(c.data, { validationShare: 0.5 })
      Object.assign(c.every, { validation: 2 })
    })
    await Promise.all([trained(file, options('alone', 3)), trained(file, [...options('ahead', 3), '--workers', '1'])])
    const [alone, ahead] = [checkpoint('alone'), checkpoint('ahead')]
    for (const [name, { data }] of alone) assert.deepEqual(data, ahead.get(name)!.data, name)
    const validation = (run: string) =>
      /"validationLoss": ([\d.]+)/.exec(readFileSync(folder.at(`${run}/metrics.jsonl`), 'utf8'))![1]
    assert.equal(validation('ahead'), validation('alone'))
    assert.ok(!existsSync(folder.at('ahead/recordings-0-0.npy')))
  })

  test('learns a network for the pitch from recordings', async () => {
    for (let i = 0; i < 6; i++) {
      let phase = 0
      const samples = Float32Array.from({ length: 22050 }, (_, n) => {
        phase += (100 + 20 * i + n / 400) / 22050
        return [1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, k) => sum + (0.1 / k) * Math.sin(2 * Math.PI * k * phase), 0)
      })
      folder.put(`voices/${i}.wav`, encodeWav({ samples, sampleRate: 22050 }))
    }
    const file = written('pitch.json', c => {
      Object.assign(c.model.diffusion, { prior: { kind: 'front-end', harmonics: {} } })
      c.data.validationShare = 0.5
    })
    const args = [file, '--data', folder.at('voices'), '--out', folder.at('network.json'), '--epochs', '200']
    const { status, stdout, stderr } = await start('train_pitch', args).ended
    assert.equal(status, 0, stderr)
    pitchNetworkSchema.parse(JSON.parse(readFileSync(folder.at('network.json'), 'utf8')))
    const [mean, network] = [...stdout.matchAll(/: ([\d.]+) cents off in the median/g)].map(found => Number(found[1]))
    assert.ok(network! < mean!, stdout)

    const without = await start('train_pitch', [written('no-pitch.json'), ...args.slice(1)]).ended
    assert.match(without.stderr, /^error: model\.diffusion\.prior\.harmonics: missing/m)
    const nowhere = await start('train_pitch', [...args, '--out', folder.at('no/network.json')]).ended
    assert.match(nowhere.stderr, /^error: --out .*: no such folder: /m)
  })

  test('trains the adversarial stage, and resumes it here and in diffwave train', async () => {
    const rounds = [{}, { steps: 1 }, { refine: 1 }]
    const adversarial = { alone: 1, rounds, windows: [512], resolutionChannels: 2, periods: [2], periodChannels: 2 }
    const file = written('adversarial.json', c => {
      onOwnSteps(c)
      Object.assign(c, { adversarial })
    })
    const run = async (...more: string[]) => {
      const { status, stdout, stderr } = await start('adversarial', [file, ...more]).ended
      assert.equal(status, 0, stderr)
      return stdout
    }
    await run(...options('judged', 2))
    assert.ok(existsSync(folder.at('judged/discriminators-2.safetensors')))
    const before = checkpoint('judged')
    const stdout = await run(...options('judged', 4), '--resume')
    assert.match(stdout, /"step": 4/)
    const name = 'weights/skip_projection.weight'
    assert.notDeepEqual(checkpoint('judged').get(name)!.data, before.get(name)!.data)
    const trainer = resumed(file, 'judged', 5)
    for await (const { loss } of trainer.run()) assert.ok(Number.isFinite(loss))
    assert.equal(trainer.summary!.step, 5)
    for (const [message, change] of new Map<string, (c: Config) => void>([
      ['noiseLevels.kind: the adversarial stage needs own', c => Object.assign(c, { adversarial })],
      [
        'adversarial.rounds[1].steps: 17 must be a whole number, 1 … 16',
        c => {
          onOwnSteps(c)
          Object.assign(c, { adversarial: { rounds: [{}, { steps: 17 }] } })
        },
      ],
      [
        'adversarial.rounds[1]: expected an object, got 4',
        c => {
          onOwnSteps(c)
          Object.assign(c, { adversarial: { rounds: [{ refine: MAX_REFINEMENT_ITERATIONS }, 4] } })
        },
      ],
      [
        `adversarial.rounds[0].refine: 101 must be a whole number, 0 … ${MAX_REFINEMENT_ITERATIONS}`,
        c => {
          onOwnSteps(c)
          Object.assign(c, { adversarial: { rounds: [{ refine: 101 }] } })
        },
      ],
      ['adversarial: expected an object, got 3', c => Object.assign(c, { adversarial: 3 })],
      ['adversarial.melWeight: unknown field', c => Object.assign(c, { adversarial: { melWeight: 45 } })],
    ])) {
      const refused = await start('adversarial', [written('refused.json', change), ...options('refused', 1)]).ended
      assert.equal(refused.stderr.trim().split('\n').at(-1), `error: ${message}`)
    }
  })
})

describe('the PyTorch trainer refuses', { skip }, () => {
  test('configs that it cannot train, by the name of the field', async () => {
    const refusals = new Map<string, (config: Config) => void>([
      [
        'model.network.frontEnd.stride: 96 must divide the hop, 256',
        c => Object.assign(c.model.network.frontEnd, { kernel: 192, stride: 96 }),
      ],
      [
        'model.network.frontEnd.kernel: 64 must be at least the stride, 128',
        c => Object.assign(c.model.network.frontEnd, { kernel: 64 }),
      ],
      [
        'model.network.frontEnd.bins: 200 must lie within 1 … 129',
        c => Object.assign(c.model.network.frontEnd, { bins: 200 }),
      ],
      [
        'model.network.frontEnd.correction.passes: 9 must be a whole number, 1 … 8',
        c => Object.assign(c.model.network.frontEnd, { correction: { passes: 9 } }),
      ],
      [
        'noiseLevels.weights: expected 4 numbers, one per step, got 2',
        c => Object.assign(c, { noiseLevels: { kind: 'own', steps: 4, weights: [1, 1] } }),
      ],
      ['loss: "l2" is not supported here; expected time-frequency', c => Object.assign(c, { loss: 'l2' })],
      ['pulses: recorded needs model.diffusion.prior.harmonics', c => Object.assign(c, { pulses: 'recorded' })],
      ['data.cropSamples: 1000 must be a multiple of the hop, 256', c => Object.assign(c.data, { cropSamples: 1000 })],
    ])
    const files = [...refusals.values()].map((change, i) => written(`bad-${i}.json`, change))
    const program = `
import sys
from diffwave_torch.config import training_config
from diffwave_torch.fields import ConfigError
for path in sys.argv[1:]:
    try:
        training_config(path)
    except ConfigError as error:
        print(error)
`
    const { stdout } = await evaluate(program, files)
    assert.deepEqual(stdout.trim().split('\n'), [...refusals.keys()])
  })

  test('numbers that no run can use, by the name of the option', async () => {
    const refusals: [string[], string][] = [
      [['--max-steps', '0'], 'argument --max-steps: expected a whole number of at least 1, got 0'],
      [['--minutes', 'nan'], 'argument --minutes: expected a number above 0, got nan'],
      [['--threads', 'two'], 'argument --threads: expected a whole number of at least 1, got two'],
    ]
    for (const [args, message] of refusals) {
      const { status, stderr } = await start('train', [written('numbers.json'), ...options('none', 1), ...args]).ended
      assert.equal(status, 2)
      assert.match(stderr, new RegExp(`error: ${message}\\n$`))
    }
  })

  test('a missing device, another shape, other recordings and a file as --out', async () => {
    const file = written('start.json')
    await trained(file, options('shapes', 1))
    const wider = written('wider.json', c => {
      c.model.network.channels = 12
    })
    folder.put('useless/a.wav', 'no audio')
    folder.put('useless/metadata.csv', 'lost.wav,cat\n')
    folder.put('other/a.wav', readFileSync(folder.at('data/1.wav')))
    const others = ['--data', folder.at('other'), '--out', folder.at('shapes')]
    const ended = await Promise.all([
      start('train', [file, ...options('none', 1), '--device', 'cuda'], { CUDA_VISIBLE_DEVICES: '' }).ended,
      start('train', [wider, ...options('shapes', 2), '--resume']).ended,
      start('train', [file, ...others, '--resume']).ended,
      start('train', [file, ...options('start.json/run', 1)]).ended,
      start('train', [file, '--data', folder.at('useless'), '--out', folder.at('none')]).ended,
    ])
    const messages = ended.map(({ status, stderr }) => {
      assert.equal(status, 1)
      return stderr.trim().split('\n').at(-1)!
    })
    assert.equal(messages[0], 'error: --device cuda: PyTorch finds no CUDA device')
    assert.match(messages[1]!, /^error: .*the parameter .* has another shape: expected \[12, .*got \[8, /)
    assert.match(messages[2]!, /^error: .*the recordings are not those this run was started with/)
    assert.match(messages[3]!, /^error: .*start\.json.*: (not a directory|file exists)$/)
    assert.match(
      messages[4]!,
      /^error: no recording of at least 4096 samples below .*useless; left out: 1 unreadable; /,
    )
    assert.match(messages[4]!, /; metadata\.csv: 1 of 1 lines name no recording: lost\.wav$/)
  })
})
