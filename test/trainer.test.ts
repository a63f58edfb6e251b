/** The public Trainer: the steps it yields, the files it writes, how it stops, and what it refuses. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import {
  convert,
  Generator,
  loadDataset,
  Trainer,
  type TrainerOptions,
  type TrainingStep,
  writeModel,
} from '#src/index'
import { readModelFolder } from '#src/model/folder'
import { smallStepEmbedding } from './support/configs.js'
import { code } from './support/errors.js'
import { inCase } from './support/in-case.js'
import { learningEngine } from './support/learning-engine.js'
import { golden } from './support/paths.js'
import { scratchFolder } from './support/scratch.js'

const scratch = scratchFolder('trainer')
let folders = 0
const newFolder = () => join(scratch, `out-${folders++}`)

const recordings = join(scratch, 'recordings')
mkdirSync(recordings)
for (const seed of [1, 2, 3]) {
  const samples = gaussian(seed, 0, 0, 4000).map(x => x * 0.1)
  writeFileSync(join(recordings, `${seed}.wav`), encodeWav({ samples, sampleRate: 8000 }))
}

const config = {
  model: {
    kind: 'generator',
    sampleRate: 8000,
    network: { stepEmbedding: smallStepEmbedding, channels: 4, layers: 2, dilationCycle: 2, patch: 4 },
    diffusion: { training: { kind: 'cosine', steps: 10 } },
  },
  data: { cropSamples: 256, batch: 2, validationShare: 0.3 },
  optimiser: { learningRate: 1e-3, totalSteps: 6 },
  every: { log: 1, validation: 2, checkpoint: 3 },
} as const

function options(fields: Partial<TrainerOptions> = {}): TrainerOptions {
  return {
    config,
    data: [recordings],
    out: newFolder(),
    createEngine: async (model, weights) => learningEngine(model.network, weights),
    preview: null,
    clock: () => 0,
    now: () => 0,
    ...fields,
  }
}

async function collected(trainer: Trainer, signal?: AbortSignal): Promise<TrainingStep[]> {
  const steps: TrainingStep[] = []
  for await (const step of trainer.run({ signal })) steps.push(step)
  return steps
}
const checkpoint = (out: unknown) => readFileSync(join(String(out), 'checkpoint.safetensors'))

describe('the cache of resampled recordings', () => {
  const others = join(scratch, 'other-rates')
  mkdirSync(others)
  for (const [i, [sampleRate, format]] of (
    [
      [6000, '24'],
      [11_025, '32f'],
      [48_000, '16'],
    ] as const
  ).entries()) {
    // Of the floats, some are beyond full scale.
    const samples = gaussian(i, 0, 0, 4000).map(x => x * (format === '32f' ? 0.32 : 0.1))
    writeFileSync(join(others, `${i}.wav`), encodeWav({ samples, sampleRate }, { format }))
  }
  const withSpeeds = (...speeds: number[]) => ({ ...config, data: { ...config.data, validationShare: 0, speeds } })
  const run = (fields: Partial<TrainerOptions>) => options({ data: others, maxSteps: 1, ...fields })
  const cached = (out: unknown) => readdirSync(join(String(out), 'cache')).sort()

  test('does not affect the weights of a run', async () => {
    const cold = run({ config: withSpeeds(1, 0.9) })
    await collected(new Trainer(cold))
    const warm = run({ config: withSpeeds(1, 0.9) })
    await new Trainer(warm).load()
    const stages = new Set<string>()
    const trainer = new Trainer(warm)
    const { training } = await trainer.load({ onProgress: ({ stage }) => stages.add(stage) })
    assert.deepEqual([...stages], ['reading'])
    assert.equal(training.length, 6)
    await collected(trainer)
    assert.deepEqual(checkpoint(warm.out), checkpoint(cold.out))
  })

  test('is cleared of entries that no recording needs once a run has started', async () => {
    const { out } = run({})
    await new Trainer(run({ out, config: withSpeeds(1, 0.9) })).load()
    const own = cached(out)
    assert.equal(own.length, 6)
    const digits = 'f'.repeat(64)
    const foreign = ['notes.txt', `${digits}.clip`, `${digits}-1-8000.clip.bak`]
    for (const name of [`${digits}-1-8000-01234567.clip`, ...foreign])
      writeFileSync(join(String(out), 'cache', name), '')
    const folder = `${digits}-1-8000-abcdef01.clip`
    mkdirSync(join(String(out), 'cache', folder))
    await collected(new Trainer(run({ out, config: withSpeeds(1) })))
    assert.deepEqual(cached(out), [...own.filter(name => name.includes('-1-')), ...foreign, folder].sort())
  })

  test('is kept if the run is refused or the cache is behind a link', async () => {
    const { out } = run({})
    await collected(new Trainer(run({ out, config: withSpeeds(1, 0.9) })))
    const refused = new Trainer(run({ out, data: recordings, config: withSpeeds(1, 0.9), resume: true }))
    const own = cached(out)
    await assert.rejects(collected(refused), code('BAD_DATA'))
    const all = cached(out)
    assert.ok(own.length === 6 && own.every(name => all.includes(name)))
    const linked = newFolder()
    mkdirSync(linked)
    symlinkSync(join(String(out), 'cache'), join(linked, 'cache'), 'junction')
    await collected(new Trainer(run({ out: linked, config: withSpeeds(1) })))
    assert.deepEqual(cached(out), all)
  })

  test('that cannot be written is an error of its own, not of a recording', async () => {
    const { out } = run({})
    mkdirSync(String(out))
    writeFileSync(join(String(out), 'cache'), '')
    await assert.rejects(new Trainer(run({ out })).load(), code('NOT_A_DIRECTORY'))
  })
})

describe('Trainer.run', () => {
  test('yields every update, with validations and checkpoints when they are due', async () => {
    const run = options()
    const trainer = new Trainer(run)
    assert.equal(trainer.summary, null)
    const steps = await collected(trainer)
    assert.deepEqual(
      steps.map(({ step, totalSteps, validationLoss, saved }) => [step, totalSteps, validationLoss !== null, saved]),
      [1, 2, 3, 4, 5, 6].map(step => [step, 6, step % 2 === 0, step % 3 === 0]),
    )
    assert.ok(steps.every(({ loss, gradientNorm, learningRate }) => loss > 0 && gradientNorm > 0 && learningRate > 0))
    const { stoppedBy, bestValidation } = trainer.summary!
    assert.equal(stoppedBy, 'total-steps')
    assert.ok(steps.some(({ validationLoss }) => validationLoss === bestValidation))
    const left = readdirSync(String(run.out)).sort()
    assert.deepEqual(left, [
      'best',
      'checkpoint.safetensors',
      'events.out.tfevents.0.diffwave',
      'metrics.jsonl',
      'model',
    ])
  })

  test('needs only config, data and out, and its model generates', async () => {
    const out = newFolder()
    for await (const { loss } of new Trainer({ config, data: recordings, out, maxSteps: 2 }).run()) assert.ok(loss > 0)
    const generator = await Generator.load(join(out, 'model'))
    try {
      const [clip] = await generator.generate({ seconds: 0.1, seed: 1, steps: 2 })
      assert.equal(clip!.samples.length, 800)
    } finally {
      await generator.model.dispose()
    }
    assert.ok(readdirSync(out).some(name => name.startsWith('events.out.tfevents')))
  })

  test('accepts a data set and file: URLs, and `events: false`', async () => {
    const data = await loadDataset({ folders: [recordings], sampleRate: 8000 })
    const out = newFolder()
    await collected(new Trainer(options({ data, out: pathToFileURL(out), events: false })))
    assert.ok(!readdirSync(out).some(name => name.startsWith('events')))
    const trainer = new Trainer(options({ data: pathToFileURL(recordings) }))
    const { report } = await trainer.load({ onProgress: ({ done, total }) => assert.ok(done <= total!) })
    assert.equal(report.clips, 3)
  })

  test('refuses a data set of another rate, and one without training clips', async () => {
    const data = await loadDataset({ folders: [recordings], sampleRate: 16_000, validationShare: 0 })
    for (const wrong of [data, { ...data, sampleRate: 8000, training: [] }]) {
      await assert.rejects(collected(new Trainer(options({ data: wrong }))), code('BAD_DATA'))
    }
  })

  test('refuses a folder with a checkpoint before it reads recordings', async () => {
    const run = options({ maxSteps: 1 })
    await collected(new Trainer(run))
    const decoded: string[] = []
    const decode = (_: Uint8Array, path: string) => {
      decoded.push(path)
      return { samples: new Float32Array(1000), sampleRate: 8000 }
    }
    const again = new Trainer({ ...run, decode })
    await assert.rejects(collected(again), code('BAD_OPTION'))
    await assert.rejects(again.load(), code('BAD_OPTION'))
    const other = { ...config, data: { ...config.data, batch: 3 } }
    const changed = new Trainer({ ...run, decode, config: other, resume: true })
    await assert.rejects(changed.load(), code('BAD_CONFIG', /data\.batch/))
    const path = join(String(run.out), 'checkpoint.safetensors')
    writeFileSync(path, readFileSync(path).subarray(0, -1))
    await assert.rejects(new Trainer({ ...run, decode, resume: true }).load(), code('TRUNCATED'))
    assert.deepEqual(decoded, [])
  })

  test('does not start from a model that it would overwrite', async () => {
    const run = options({ maxSteps: 1 })
    await collected(new Trainer(run))
    const out = String(run.out)
    for (const file of readdirSync(out)) if (file !== 'model') rmSync(join(out, file), { recursive: true })
    const weights = readFileSync(join(out, 'model/weights.safetensors'))
    for (const from of [join(out, 'model'), join(out, 'model/weights.safetensors')]) {
      await assert.rejects(collected(new Trainer({ ...run, from })), code('BAD_OPTION'))
    }
    assert.deepEqual(readFileSync(join(out, 'model/weights.safetensors')), weights)
  })

  test('writes previews to its event files', async () => {
    let previews = 0
    const preview = async () => {
      previews++
      return [{ kind: 'scalar', tag: 'own', value: 1 } as const]
    }
    const run = options({ preview })
    await collected(new Trainer(run))
    assert.equal(previews, 3)
    assert.ok(readFileSync(join(String(run.out), 'events.out.tfevents.0.diffwave')).includes('own'))
  })
})

describe('a run that ends early', () => {
  test('saves a checkpoint on a signal, and continues to the bytes of a whole run', async () => {
    const whole = options()
    await collected(new Trainer(whole))
    const stop = new AbortController()
    const part = options()
    const trainer = new Trainer(part)
    for await (const { step } of trainer.run({ signal: stop.signal })) if (step === 2) stop.abort()
    assert.deepEqual([trainer.summary?.step, trainer.summary?.stoppedBy], [2, 'signal'])
    await collected(new Trainer({ ...part, resume: true }))
    assert.deepEqual(checkpoint(part.out), checkpoint(whole.out))
  })

  test('continues its own run when it runs again, to the bytes of a whole run', async () => {
    const whole = options()
    await collected(new Trainer(whole))
    const parts = options()
    const trainer = new Trainer(parts)
    for await (const { step } of trainer.run()) if (step === 2) break
    const stop = new AbortController()
    for await (const { step } of trainer.run({ signal: stop.signal })) if (step === 4) stop.abort()
    assert.deepEqual(
      (await collected(trainer)).map(({ step }) => step),
      [5, 6],
    )
    assert.deepEqual(checkpoint(parts.out), checkpoint(whole.out))
    const { step, loss, stoppedBy } = trainer.summary!
    assert.deepEqual([step, typeof loss, stoppedBy], [6, 'number', 'total-steps'])
    assert.deepEqual(await collected(trainer), [])
    await assert.rejects(collected(new Trainer(parts)), { code: 'BAD_OPTION', hint: /option resume \(--resume\)/ })
  })

  test('saves a checkpoint when the loop is left, and releases the folder', async () => {
    const part = options()
    for await (const { step } of new Trainer(part).run()) if (step === 1) break
    assert.ok(!existsSync(join(String(part.out), 'lock.json')))
    const [next] = await collected(new Trainer({ ...part, resume: true }))
    assert.equal(next!.step, 2)
  })

  test('saves no checkpoint if the signal fires while recordings are read', async () => {
    const run = options()
    await assert.rejects(collected(new Trainer(run), AbortSignal.abort()), code('ABORTED'))
    assert.ok(!existsSync(join(String(run.out), 'checkpoint.safetensors')))
  })
})

test('load and run at once read the recordings once, each with its own signal', async () => {
  const trainer = new Trainer(options({ maxSteps: 1 }))
  const stop = new AbortController()
  let heard = 0
  const stopAtOnce = () => stop.abort()
  const loading = trainer.load({ signal: stop.signal, onProgress: stopAtOnce })
  const rejected = assert.rejects(loading, code('ABORTED'))
  for await (const { step } of trainer.run({ onProgress: () => void heard++ })) assert.equal(step, 1)
  await rejected
  assert.ok(heard > 0)
  assert.ok((await trainer.load()).training.length > 0)
})

test('a run starts from the weights of a model, given as a folder or in memory', async () => {
  const first = options({ maxSteps: 1 })
  await collected(new Trainer(first))
  const folder = join(String(first.out), 'model')
  const parameters = async (run: TrainerOptions) => {
    await collected(new Trainer({ ...run, maxSteps: 0 }))
    return (await readModelFolder(join(String(run.out), 'model'))).parameters
  }
  const model = await readModelFolder(folder)
  assert.deepEqual(await parameters(options({ from: folder })), model.parameters)
  assert.deepEqual(await parameters(options({ from: model })), model.parameters)
})

describe('the Trainer refuses', () => {
  const bad: readonly [string, Record<string, unknown>, string][] = [
    ['an unknown option', { steps: 3 }, 'BAD_OPTION'],
    ['no folder of recordings', { data: [] }, 'BAD_OPTION'],
    ['recordings that are no path', { data: 7 }, 'BAD_OPTION'],
    ['an empty path', { out: '' }, 'BAD_OPTION'],
    ['a clock that is none', { clock: 0 }, 'BAD_OPTION'],
    ['an unknown engine', { engine: 'fast' }, 'BAD_OPTION'],
    ['a run to finish whose config has no decaySteps', { finish: true }, 'BAD_OPTION'],
    ['predicted mels for a generator', { mels: 'mels' }, 'BAD_OPTION'],
    ['a config with an unknown field', { config: { ...config, steps: 3 } }, 'BAD_CONFIG'],
  ]
  test('wrong options and configs', () => {
    for (const [title, fields, expected] of bad) {
      inCase(title, () => {
        assert.throws(() => new Trainer({ ...options(), ...fields } as TrainerOptions), code(expected as 'BAD_OPTION'))
      })
    }
  })

  test('unknown options of run and of loadDataset', async () => {
    const run = { steps: 1 } as object
    await assert.rejects(new Trainer(options()).run(run).next(), code('BAD_OPTION'))
    const load = { folders: [recordings], sampleRate: 8000, rate: 1 }
    await assert.rejects(loadDataset(load), code('BAD_OPTION'))
  })
})

describe('convert and writeModel', () => {
  test('write a model folder, and overwrite one only with `force`', async () => {
    const folder = newFolder()
    mkdirSync(folder)
    const checkpointFile = golden('lmnt-unconditional-c8-l6/weights.pt')
    const { source, config: converted } = await convert(checkpointFile, folder)
    assert.equal(source, 'lmnt')
    assert.deepEqual((await readModelFolder(folder)).config, converted)
    await assert.rejects(convert(checkpointFile, folder), code('BAD_OPTION'))
    await convert(checkpointFile, folder, { force: true })
    const copy = newFolder()
    await writeModel(copy, await readModelFolder(folder))
    assert.deepEqual(await readModelFolder(copy), await readModelFolder(folder))
    await assert.rejects(writeModel(copy, null as never), code('BAD_OPTION'))
  })
})
