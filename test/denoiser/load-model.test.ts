import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { sliceMel } from '#src/audio/mel/frames'
import { concatenateAudio } from '#src/core/concatenate'
import { loadModel } from '#src/denoiser/load-model'
import { readMel } from '#src/formats/read-mel'
import { modelPath, shippedModels, trainingConfigPath } from '#src/model/shipped-models'
import { Vocoder } from '#src/vocoder'
import { meanDifference } from '../support/numbers.js'
import { golden, inRepository } from '../support/paths.js'

test('finds a shipped model by name from any working directory', async () => {
  const before = process.cwd()
  process.chdir('/')
  try {
    assert.ok(shippedModels().includes('lmnt-speech'))
    assert.equal(await modelPath('lmnt-speech'), inRepository('models/lmnt-speech'))
  } finally {
    process.chdir(before)
  }
})

test('takes a path as it is, and refuses an unknown name with the list of known ones', async () => {
  assert.equal(await modelPath('some/weights.pt'), 'some/weights.pt')
  assert.equal(await modelPath(inRepository('models')), inRepository('models'))
  await assert.rejects(loadModel('no-such-model'), { code: 'UNKNOWN_MODEL', expected: /lmnt-speech/ })
  await assert.rejects(loadModel('no/such/model'), { code: 'FILE_NOT_FOUND' })
  await assert.rejects(loadModel(inRepository('src')), { code: 'FILE_NOT_FOUND' })
  await assert.rejects(loadModel(inRepository('package.json')), /package\.json/)
})

test('an aborted signal stops loading, also of a local model', async () => {
  await assert.rejects(loadModel('lmnt-speech', { signal: AbortSignal.abort() }), { code: 'ABORTED' })
})

test('a local model takes precedence over a shipped model of the same name', async () => {
  const before = process.cwd()
  const folder = mkdtempSync(join(tmpdir(), 'diffwave-names-'))
  process.chdir(folder)
  try {
    mkdirSync('speech')
    assert.equal(await modelPath('speech'), inRepository('models/speech'))
    writeFileSync('speech/config.json', '{}')
    assert.equal(await modelPath('speech'), 'speech')
    writeFileSync('music', 'a checkpoint')
    assert.equal(await modelPath('music'), 'music')
  } finally {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  }
})

test('speech-24khz is found by its name and vocodes a mel of Vocos', async () => {
  const vocoder = await Vocoder.load('speech-24khz', { threads: 1 })
  try {
    assert.deepEqual(vocoder.config.mel, namedConventions.vocos)
    const sample = await readMel(inRepository('samples/vocos/LJ001-0002.npy'), 100)
    const mel = sliceMel(sample.mel, 0, 80)
    const clip = await vocoder.synthesize(mel, { seed: 1, refine: 0 })
    assert.deepEqual([clip.sampleRate, clip.samples.length], [24_000, mel.frames * 256])
    // One frame more than there are hops.
    const heard = sliceMel((await vocoder.analyse(clip)).mel, 0, mel.frames)
    assert.ok(meanDifference(heard.data, mel.data) < 0.2)
    await assert.rejects(vocoder.synthesize({ ...mel, data: mel.data.subarray(0, 80 * mel.frames), bands: 80 }), {
      code: 'BAD_MEL',
    })
  } finally {
    await vocoder.dispose()
  }
})

test('speech gives the same bytes streamed in small pieces, in large ones and whole', async () => {
  const vocoder = await Vocoder.load('speech', { engine: 'native', threads: 2 })
  try {
    const sample = await readMel(inRepository('samples/LJ001-0002.npy'), 80)
    const mel = sliceMel(sample.mel, 0, 64)
    const whole = await vocoder.synthesize(mel, { seed: 1 })
    for (const chunkFrames of [8, 40]) {
      const pieces: Float32Array[] = []
      for await (const piece of vocoder.stream(mel, { seed: 1, chunkFrames })) pieces.push(piece.slice())
      assert.deepEqual(concatenateAudio(pieces), whole.samples)
    }
  } finally {
    await vocoder.dispose()
  }
})

describe('trainingConfigPath', () => {
  test('finds the config of a shipped model by name, and that of a folder', async () => {
    const speech = inRepository('models/speech/train.json')
    assert.equal(await trainingConfigPath('speech'), speech)
    assert.equal(await trainingConfigPath(inRepository('models/speech')), speech)
    assert.equal(await trainingConfigPath(speech), speech)
    const fineTune = inRepository('models/speech/fine-tune.json')
    assert.equal(await trainingConfigPath('speech', { fineTune: true }), fineTune)
    const digits = inRepository('models/digits/train.json')
    assert.equal(await trainingConfigPath(inRepository('models/digits'), { fineTune: true }), digits)
  })

  test('prefers a file or a folder with train.json to a shipped model of that name', async () => {
    const before = process.cwd()
    const folder = mkdtempSync(join(tmpdir(), 'diffwave-configs-'))
    process.chdir(folder)
    try {
      mkdirSync('speech')
      assert.equal(await trainingConfigPath('speech'), inRepository('models/speech/train.json'))
      writeFileSync('speech/train.json', '{}')
      assert.equal(await trainingConfigPath('speech'), join('speech', 'train.json'))
      writeFileSync('music', '{}')
      assert.equal(await trainingConfigPath('music'), 'music')
    } finally {
      process.chdir(before)
      rmSync(folder, { recursive: true })
    }
  })

  test('refuses a model without a training config, and an unknown name', async () => {
    await assert.rejects(trainingConfigPath('lmnt-speech'), { code: 'FILE_NOT_FOUND', message: /train\.json/ })
    await assert.rejects(trainingConfigPath('speach'), { code: 'UNKNOWN_MODEL', hint: 'Did you mean speech?' })
    assert.equal(await trainingConfigPath('no/such.json'), 'no/such.json')
  })
})

test('suggests the nearest name for a mistyped one', async () => {
  await assert.rejects(modelPath('speach'), { code: 'UNKNOWN_MODEL', hint: 'Did you mean speech?' })
  await assert.rejects(modelPath('trombone'), { code: 'UNKNOWN_MODEL', hint: undefined })
})

test('a correction can be added or removed, and an invalid one is refused', async () => {
  const windows = golden('pytorch-windows')
  const corrections: (object | null)[] = []
  for (const correction of [2, 0]) {
    const model = await loadModel(windows, { correction })
    corrections.push(model.config.network.frontEnd!.correction)
    await model.dispose()
  }
  assert.deepEqual(corrections, [{ passes: 2, iterations: 5, relaxation: 1 }, null])
  await assert.rejects(loadModel('lmnt-speech', { correction: 1 }), {
    code: 'BAD_OPTION',
    message: /cannot be corrected/,
  })
  await assert.rejects(loadModel(windows, { correction: 9 }), { code: 'BAD_OPTION' })
})

test('refuses an unknown engine and invalid options', async () => {
  await assert.rejects(loadModel('lmnt-speech', { engine: 'abacus' } as object), { code: 'BAD_OPTION' })
  await assert.rejects(loadModel('lmnt-speech', { threads: 0 }), { code: 'BAD_OPTION' })
  await assert.rejects(loadModel('lmnt-speech', { thread: 1 } as object), { code: 'BAD_OPTION' })
})
