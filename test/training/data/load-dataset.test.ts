/** Folders of recordings as training data. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { decodeAudio } from '#src/audio/codecs/decode'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { portablePath } from '#src/core/folder'
import { gaussian } from '#src/core/random'
import { domainOf } from '#src/data-domain/domain-of'
import { encodeNpy } from '#src/formats/npy'
import { readModelFolder } from '#src/model/folder'
import { Cropper } from '#src/training/data/crop'
import type { Dataset } from '#src/training/data/dataset'
import { isValidation } from '#src/training/data/dataset-builder'
import type { LoadProgress } from '#src/training/data/dataset-options'
import { loadDataset } from '#src/training/data/load-dataset'
import { code } from '../../support/errors.js'
import { config, train } from '../../support/training.js'
import { options, scratch } from '../../support/training-scratch.js'

describe('a folder of recordings', () => {
  const folder = join(scratch, 'recordings', 'kick')
  mkdirSync(folder, { recursive: true })
  const write = (name: string, samples: Float32Array, sampleRate = 22050) =>
    writeFileSync(join(folder, name), encodeWav({ samples, sampleRate }))
  write(
    'good.wav',
    gaussian(1, 0, 0, 5000).map(x => x * 0.1),
  )
  write(
    'slow.wav',
    gaussian(2, 0, 0, 5000).map(x => x * 0.1),
    11025,
  )
  write(
    'short.wav',
    gaussian(1, 0, 0, 500).map(x => x * 0.1),
  )
  write('silent.wav', new Float32Array(5000))
  write(
    'clipped.wav',
    gaussian(1, 0, 0, 5000).map(x => Math.max(-1, Math.min(1, x))),
  )
  const integers = gaussian(1, 0, 0, 5000).map(x => Math.round(x * 3000))
  // Resampled or not, they are 16-bit integers stored as float.
  for (const rate of [22050, 11025]) {
    const bytes = encodeWav({ samples: integers, sampleRate: rate }, { format: '32f' })
    writeFileSync(join(folder, `integers-${rate}.wav`), bytes)
  }
  writeFileSync(join(folder, 'broken.flac'), 'fLaC and then nothing')
  const load = (speeds: readonly number[] = [1]) =>
    loadDataset({
      folders: [join(scratch, 'recordings')],
      speeds,
      sampleRate: 22050,
      minSamples: 1000,
      validationShare: 0,
      decode: decodeAudio,
      cache: join(scratch, 'cache'),
    })

  test('is loaded without those that cannot be used, with the reason of each', async () => {
    const { training, report } = await load()
    assert.deepEqual(
      training.map(({ name, label, samples }) => [name, label, samples.length]),
      [
        ['kick/good.wav', 'kick', 5000],
        ['kick/slow.wav', 'kick', 10_000],
      ],
    )
    assert.deepEqual(
      report.leftOut.map(({ reason }) => reason),
      ['unreadable', 'clipped', 'wrong scale', 'wrong scale', 'too short', 'silent'],
    )
  })

  test('may be one path, a URL or a list, with the name of a convention', async () => {
    const { fingerprint, report } = await load()
    const path = join(scratch, 'recordings')
    const common = { sampleRate: 22050, minSamples: 1000, validationShare: 0 }
    for (const folders of [path, pathToFileURL(path), [pathToFileURL(path).href]]) {
      const loaded = await loadDataset({ folders, ...common, cache: pathToFileURL(join(scratch, 'cache')) })
      assert.deepEqual([loaded.fingerprint, loaded.report.leftOut], [fingerprint, report.leftOut])
    }
    const mels = { convention: 'tacotron2', folder: pathToFileURL(path) } as const
    // No recording has a mel there.
    await assert.rejects(loadDataset({ folders: path, ...common, mels }), { code: 'BAD_DATA', got: /no mel/ })
    for (const folders of [[], 3, '', new URL('http://a/b')] as never[]) {
      await assert.rejects(loadDataset({ folders, ...common }), { code: 'BAD_OPTION' })
    }
  })

  test('names a recording that is too short at every speed', async () => {
    const { report } = await loadDataset({
      folders: [folder],
      speeds: [1.25, 2],
      sampleRate: 22050,
      minSamples: 4500,
      validationShare: 0,
    })
    assert.equal(report.clips, 2)
    const good = report.leftOut.find(({ file }) => file === join(folder, 'good.wav'))
    assert.deepEqual([good?.reason, good?.detail], ['too short', '4000 samples at speed 1.25, 4500 needed'])
  })

  const metadata = join(scratch, 'recordings', 'metadata.csv')
  const parts = 'slow,tom,0\nslow,rim,0.2\n'

  test('may have a label for each part of a recording, sooner at a higher speed', async () => {
    writeFileSync(metadata, parts)
    for (const [speed, from] of [
      [1, 0.2],
      [2, 0.1],
    ] as const) {
      assert.deepEqual((await load([speed])).training[1]!.label, [
        { from: 0, label: 'tom' },
        { from, label: 'rim' },
      ])
    }
    rmSync(metadata)
  })

  test('has another fingerprint if a label or a sample is changed', async () => {
    const { fingerprint } = await load()
    writeFileSync(metadata, parts)
    assert.notEqual((await load()).fingerprint, fingerprint)
    rmSync(metadata)
    write(
      'good.wav',
      gaussian(3, 0, 0, 5000).map(x => x * 0.1),
    )
    assert.notEqual((await load()).fingerprint, fingerprint)
  })
})

test('validation keeps about its share of the recordings', () => {
  const kept = Array.from({ length: 2000 }, (_, i) => isValidation(`${i}.wav`, 0.1)).filter(Boolean).length
  assert.ok(Math.abs(kept - 200) < 50)
})

test('a data set is the same for file names of every operating system', async () => {
  const names = ['zo\u00e9/1.wav', 'zo\u00e9/\u00e9a.wav', 'zo\u00e9/fa.wav']
  const load = async (form: 'NFC' | 'NFD') => {
    const folder = join(scratch, form)
    mkdirSync(join(folder, 'zo\u00e9'.normalize(form)), { recursive: true })
    for (const [i, name] of names.entries()) writeFileSync(join(folder, name.normalize(form)), wavOf(i))
    return loadDataset({ folders: [folder], sampleRate: 22050, validationShare: 0 })
  }
  const [composed, decomposed] = [await load('NFC'), await load('NFD')]
  const clips = ({ training }: Dataset) => training.map(({ label, samples }) => ({ label, samples }))
  assert.deepEqual(clips(decomposed), clips(composed))
  assert.equal(decomposed.fingerprint, composed.fingerprint)
  assert.equal(portablePath('zoe\u0301\\1.wav', '\\'), 'zo\u00e9/1.wav')
  const share = 0.5
  const places = Array.from({ length: 40 }, (_, i) => isValidation(`\u00e9${i}.wav`.normalize('NFD'), share))
  assert.deepEqual(
    places,
    places.map((_, i) => isValidation(`\u00e9${i}.wav`, share)),
  )
})

test('a file that several folders or links lead to is used once, and a line says so', async () => {
  const folder = join(scratch, 'overlapping')
  const sub = join(folder, 'sub')
  mkdirSync(sub, { recursive: true })
  writeFileSync(join(folder, '1.wav'), wavOf(1))
  writeFileSync(join(sub, '2.wav'), wavOf(2))
  const link = join(scratch, 'link')
  symlinkSync(sub, link, 'junction')
  const load = (...folders: string[]) => loadDataset({ folders, sampleRate: 22050, validationShare: 0 })
  const names = ({ training }: Dataset) => training.map(({ name }) => portablePath(name))
  const alone = await load(folder)
  assert.deepEqual(alone.report.notes, [])
  for (const other of [folder, sub, link, join(folder, 'sub', '..'), relative('.', folder)]) {
    const twice = await load(folder, other)
    assert.deepEqual(names(twice), ['1.wav', 'sub/2.wav'])
    assert.equal(twice.fingerprint, alone.fingerprint)
    assert.equal(twice.report.notes.length, 1)
    assert.match(twice.report.notes[0]!, /^found more than once in the data folders, used once: .*\.wav( and 1 more)?$/)
  }
  // The first folder gives a file its name and label.
  const { training } = await load(link, folder)
  assert.deepEqual(
    training.map(({ name, label }) => [name, label]),
    [
      ['2.wav', ''],
      ['1.wav', ''],
    ],
  )
})

const wavOf = (seed: number) => encodeWav({ samples: gaussian(seed, 0, 0, 5000).map(x => x * 0.1), sampleRate: 22050 })

describe('a folder of many recordings', () => {
  const folder = join(scratch, 'many')
  const cache = join(scratch, 'many-cache')
  const common = { folders: [folder], sampleRate: 8000, validationShare: 0.1 }
  mkdirSync(folder)
  // With the broken one, as many as two threads need.
  for (let i = 0; i < 63; i++) {
    const samples = gaussian(i, 0, 0, 500 + i).map(x => x * 0.1)
    writeFileSync(join(folder, `${i}.wav`), encodeWav({ samples, sampleRate: i % 2 === 0 ? 8000 : 6000 }))
  }
  writeFileSync(join(folder, 'broken.wav'), 'RIFF and then nothing')

  test('is read in threads as one by one, and neither decoded nor resampled again with a cache', async () => {
    const stages = new Map<string, number>()
    const decoded: string[] = []
    const decode = (bytes: Uint8Array, path: string) => {
      decoded.push(path)
      return decodeAudio(bytes, path)
    }
    const onProgress = ({ stage, done, total }: LoadProgress) => {
      assert.equal(total, 64)
      stages.set(stage, (stages.get(stage) ?? 0) + 1)
      assert.equal(
        done,
        [...stages.values()].reduce((sum, count) => sum + count),
      )
    }
    const written = join(scratch, 'written-in-threads')
    const inThreads = await loadDataset({ ...common, cache: written, onProgress })
    assert.equal(readdirSync(written).length, 31)
    assert.equal(stages.get('resampling'), 31)
    assert.equal(inThreads.report.rates.get(6000), 31)
    // A function of one's own cannot be sent to a thread.
    assert.deepEqual(await loadDataset({ ...common, decode, cache }), inThreads)
    decoded.length = 0
    stages.clear()
    assert.deepEqual(await loadDataset({ ...common, decode, cache, onProgress }), inThreads)
    assert.deepEqual([...stages], [['reading', 64]])
    assert.equal(decoded.length, 33)
  })

  test('stops loading at once on a signal', async () => {
    const stop = new AbortController()
    let read = 0
    const onProgress = ({ done }: LoadProgress) => {
      read = done
      stop.abort()
    }
    await assert.rejects(loadDataset({ ...common, signal: stop.signal, onProgress }), { code: 'ABORTED' })
    assert.equal(read, 1)
  })
})

test('a recording has the same level from the cache as when it was resampled', async () => {
  const folder = join(scratch, 'loud')
  mkdirSync(folder)
  // Resampled, its peaks lie within half a 16-bit step of full scale.
  const samples = new Float32Array(4000).fill(32766.6 / 32768)
  writeFileSync(join(folder, 'a.wav'), encodeWav({ samples, sampleRate: 6000 }, { format: '32f' }))
  writeFileSync(
    join(folder, 'b.wav'),
    encodeWav({ samples: gaussian(1, 0, 0, 4000).map(x => x * 0.1), sampleRate: 6000 }),
  )
  const load = () => loadDataset({ folders: [folder], sampleRate: 8000, cache: join(scratch, 'loud-cache') })
  const first = await load()
  assert.deepEqual(
    first.report.leftOut.map(({ reason }) => reason),
    ['clipped'],
  )
  assert.deepEqual(await load(), first)
})

test('refuses a folder without usable recordings, with the most frequent reasons first', async () => {
  const folder = join(scratch, 'unusable')
  mkdirSync(folder)
  writeFileSync(join(folder, '0.wav'), 'hello')
  for (const name of ['1.wav', '2.wav']) writeFileSync(join(folder, name), wavOf(1))
  const common = { folders: [folder], sampleRate: 22050, minSamples: 6000 }
  const reasons = /got 3 files, 3 left out \(2 too short, 1 unreadable\)/
  await assert.rejects(loadDataset(common), code('BAD_DATA', reasons))
  const alone = { ...common, folders: [join(scratch, 'text')] }
  mkdirSync(alone.folders[0]!)
  writeFileSync(join(alone.folders[0]!, '0.wav'), 'hello')
  await assert.rejects(loadDataset(alone), { hint: /^[^(]*0\.wav: unreadable \((?!.*0\.wav)/ })
  writeFileSync(join(folder, 'metadata.csv'), 'lost.wav,cat\n')
  const hint =
    /1\.wav: too short \(\d+ samples, 6000 needed\)\. Notes on the folders: .*1 lines name no recording: lost\.wav\.$/
  await assert.rejects(loadDataset(common), { hint })
  const mels = { convention: config().model.mel!, folder: join(scratch, 'no-mels') }
  await assert.rejects(loadDataset({ ...common, mels }), code('FILE_NOT_FOUND', /no-mels/))
})

test('a data set with validation recordings only is refused', async () => {
  const folder = join(scratch, 'kept')
  mkdirSync(folder)
  const name = Array.from({ length: 100 }, (_, i) => `${i}.wav`).find(name => isValidation(name, 0.5))!
  const samples = gaussian(1, 0, 0, 1000).map(x => x * 0.1)
  writeFileSync(join(folder, name), encodeWav({ samples, sampleRate: 8000 }))
  const loading = loadDataset({ folders: [folder], sampleRate: 8000, validationShare: 0.5 })
  await assert.rejects(loading, { code: 'BAD_DATA', got: '1 file, 0 left out, 1 kept for validation' })
})

test('a clip’s bandwidth is just below half its own rate, times its speed', async () => {
  const folder = join(scratch, 'bands')
  mkdirSync(folder)
  for (const rate of [8000, 22_050, 44_100]) {
    const samples = gaussian(rate, 0, 0, rate).map(x => x * 0.1)
    writeFileSync(join(folder, `${rate}.wav`), encodeWav({ samples, sampleRate: rate }))
  }
  const { training } = await loadDataset({
    folders: [folder],
    sampleRate: 22_050,
    validationShare: 0,
    speeds: [1, 1.25],
  })
  assert.deepEqual(
    training.map(({ name, limit }) => [name, limit!.toFixed(1)]),
    [
      ['22050.wav', '10694.3'],
      ['22050.wav at 1.25', '10694.3'],
      ['44100.wav', '10694.3'],
      ['44100.wav at 1.25', '10694.3'],
      ['8000.wav', '3880.0'],
      ['8000.wav at 1.25', '4850.0'],
    ],
  )
})

test('a faster copy of a recording that is shorter than a crop is left out', async () => {
  const folder = join(scratch, 'short copies')
  mkdirSync(folder)
  const samples = gaussian(1, 0, 0, 1000).map(x => x * 0.1)
  writeFileSync(join(folder, 'a.wav'), encodeWav({ samples, sampleRate: 8000 }))
  const load = { folders: [folder], sampleRate: 8000, validationShare: 0, speeds: [0.9, 1, 1.25] }
  const { training } = await loadDataset({ ...load, minSamples: 900 })
  assert.deepEqual(
    training.map(({ name }) => name),
    ['a.wav at 0.9', 'a.wav'],
  )
})

test('predicted mels replace computed ones, and those that do not fit are reported', async () => {
  const folder = join(scratch, 'pairs')
  const mels = join(scratch, 'predicted')
  for (const path of [join(folder, 'wavs'), mels]) mkdirSync(path, { recursive: true })
  const { model } = config()
  const convention = model.mel!
  const write = (path: string, bands: number, frames: number) =>
    writeFileSync(
      path,
      encodeNpy({
        shape: [bands, frames],
        data: Float32Array.from({ length: bands * frames }, (_, i) => -(i % frames) / 5),
      }),
    )
  for (const [i, name] of ['plain', 'paired', 'narrow', 'long', 'spoilt'].entries()) {
    const samples = gaussian(i, 0, 0, 5000).map(x => x * 0.1)
    writeFileSync(join(folder, 'wavs', `${name}.wav`), encodeWav({ samples, sampleRate: 22050 }))
  }
  // 5000 samples have 20 frames; predicted mels lack the last one.
  write(join(folder, 'wavs', 'paired.npy'), 80, 19)
  write(join(folder, 'wavs', 'narrow.npy'), 40, 20)
  write(join(folder, 'wavs', 'long.npy'), 80, 25)
  writeFileSync(join(folder, 'wavs', 'spoilt.npy'), 'no mel')
  const load = (fields: Partial<Parameters<typeof loadDataset>[0]> = {}) =>
    loadDataset({
      folders: [folder],
      sampleRate: 22050,
      minSamples: 1024,
      validationShare: 0,
      speeds: [0.9, 1],
      decode: decodeAudio,
      mels: { convention },
      ...fields,
    })
  for (const wrong of [{ folder: mels }, { convention, folders: [mels] }, { convention: {} }]) {
    await assert.rejects(load({ mels: wrong as never }), { name: 'DiffWaveError', code: 'BAD_OPTION' })
  }
  const beside = await load()
  assert.deepEqual(
    beside.training.map(({ name, mel }) => [name, mel?.frames]),
    [
      ['wavs/paired.wav', 20],
      ['wavs/plain.wav at 0.9', undefined],
      ['wavs/plain.wav', undefined],
    ],
  )
  assert.equal(beside.report.givenMels, 1)
  assert.deepEqual(
    beside.report.leftOut.map(({ file, reason }) => [file.slice(folder.length + 6), reason]),
    ['long.wav', 'narrow.wav', 'spoilt.wav'].map(name => [name, 'bad mel']),
  )
  const crop = new Cropper(model, domainOf(model)).crop(beside.training[0]!, 1024, 1024)
  const expected = Array.from({ length: crop.mel!.frames }, (_, f) => Math.fround(-(4 + f) / 5))
  for (const band of [0, 79]) {
    assert.deepEqual([...crop.mel!.data.subarray(band * crop.mel!.frames, (band + 1) * crop.mel!.frames)], expected)
  }

  write(join(mels, 'plain.npy'), 80, 20)
  const given = await load({ mels: { convention, folder: mels } })
  assert.deepEqual([given.training.length, given.report.givenMels], [1, 1])
  assert.ok(given.report.leftOut.every(({ reason }) => reason === 'no mel'))
  write(join(mels, 'plain.npy'), 80, 19)
  assert.notEqual((await load({ mels: { convention, folder: mels } })).fingerprint, given.fingerprint)

  const first = options({ maxSteps: 2 })
  await train(first)
  const from = await readModelFolder(join(first.out, 'model'))
  const tuned = options({ data: given, from, maxSteps: 3 })
  assert.equal((await train(tuned)).step, 3)
  const { config: kept } = await readModelFolder(join(tuned.out, 'model'))
  assert.deepEqual(kept.diffusion.prior, from.config.diffusion.prior)
})

describe('predicted mels are matched by path', () => {
  const { model } = config()
  const convention = model.mel!
  const mel = encodeNpy({ shape: [80, 20], data: new Float32Array(1600).fill(-3) })
  let sets = 0
  /**
   * Names of the clips that got a mel, and of the recordings left out, of folders of recordings and mels with these
   * files.
   */
  async function matched(
    recordings: readonly string[],
    melFiles: readonly string[],
    folders: readonly string[] = [''],
  ) {
    const own = join(scratch, `matched-${sets++}`)
    const write = (path: string, bytes: Uint8Array) => {
      mkdirSync(join(path, '..'), { recursive: true })
      writeFileSync(path, bytes)
    }
    for (const [i, name] of recordings.entries()) {
      const samples = gaussian(i, 0, 0, 5000).map(x => x * 0.1)
      write(join(own, 'wavs', name), encodeWav({ samples, sampleRate: 22050 }))
    }
    for (const name of melFiles) write(join(own, 'mels', name), mel)
    try {
      const { training, report } = await loadDataset({
        folders: folders.map(folder => join(own, 'wavs', folder)),
        sampleRate: 22050,
        validationShare: 0,
        mels: { convention, folder: join(own, 'mels') },
      })
      return { used: training.map(({ name }) => name), out: report.leftOut.map(({ detail }) => detail) }
    } catch (error) {
      return { used: [], out: [(error as Error).message] }
    }
  }

  test('a mel is not used for another recording of the same name', async () => {
    const { used, out } = await matched(['a/01.wav', 'b/01.wav'], ['a/01.npy'])
    assert.deepEqual(used, [join('a', '01.wav')])
    assert.match(out.join(), /no b.01 in .*mels; 01 alone could be that of several recordings/)
  })

  test('a mel at the top is used if only one recording has its name', async () => {
    assert.deepEqual((await matched(['a/01.wav', 'b/02.wav'], ['01.npy', '02.npy'])).used.length, 2)
    assert.match(
      (await matched(['a/01.wav', 'b/01.wav'], ['01.npy'])).out[0]!,
      /nothing to train on.*2 files, 2 left out.*no mel/,
    )
    assert.deepEqual((await matched(['01.wav', 'b/01.wav'], ['01.npy'])).used, ['01.wav'])
  })

  test('a path that occurs in several data folders is refused', async () => {
    const { used, out } = await matched(['a/01.wav', 'b/01.wav', 'b/02.wav'], ['01.npy', '02.npy'], ['a', 'b'])
    assert.deepEqual(used, ['02.wav'])
    assert.deepEqual(out, ['01 is in several data folders', '01 is in several data folders'])
  })

  test('names match with accents in either encoding', async () => {
    assert.deepEqual((await matched(['caf\u00E9.wav'], ['cafe\u0301.npy'])).used.length, 1)
    assert.deepEqual((await matched(['cafe\u0301.wav'], ['caf\u00E9.npy'])).used.length, 1)
  })
})
