/** The cache of resampled recordings. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import { loadDataset } from '#src/training/data/load-dataset'
import { removeUnneeded } from '#src/training/data/recording-cache'
import { code } from '../../support/errors.js'
import { golden } from '../../support/paths.js'
import { scratchFolder } from '../../support/scratch.js'
import { noise, wav } from '../../support/sounds.js'

const scratch = scratchFolder('recording-cache')

describe('the cache of resampled recordings', () => {
  test('is not used for samples that another function decoded', async () => {
    const [folder, cache] = [join(scratch, 'recordings'), join(scratch, 'cache')]
    mkdirSync(folder)
    const samples = gaussian(1, 0, 0, 4000).map(x => x * 0.1)
    writeFileSync(join(folder, 'a.wav'), encodeWav({ samples, sampleRate: 6000 }))
    const common = { folders: [folder], sampleRate: 8000, validationShare: 0, cache }
    const plain = await loadDataset(common)
    const half = await loadDataset({
      ...common,
      decode: () => ({ samples: samples.map(x => x / 2), sampleRate: 6000 }),
    })
    assert.notDeepEqual(half.training, plain.training)
    assert.deepEqual(await loadDataset(common), plain)
  })

  test('makes damaged files again, removes unneeded ones, and leaves files that it did not write', async () => {
    const [folder, cache] = [join(scratch, 'spoilt'), join(scratch, 'spoilt-cache')]
    mkdirSync(folder)
    writeFileSync(join(folder, 'a.wav'), wav(noise(2, 4000), 6000))
    const options = { folders: [folder], sampleRate: 8000, validationShare: 0, cache }
    const first = await loadDataset(options)
    const [kept] = readdirSync(cache)
    const whole = readFileSync(join(cache, kept!))
    writeFileSync(join(cache, 'notes.txt'), '')
    const unneeded = kept!.replace(/^./, digit => (digit === '0' ? '1' : '0'))
    writeFileSync(join(cache, unneeded), '')
    for (const damaged of [whole.subarray(0, 4), whole.subarray(0, -2), Buffer.concat([whole, whole])]) {
      writeFileSync(join(cache, kept!), damaged)
      assert.deepEqual(await loadDataset(options), first)
      assert.deepEqual(readFileSync(join(cache, kept!)), whole)
    }
    await removeUnneeded(cache, new Set([kept!]))
    assert.deepEqual(readdirSync(cache).sort(), [kept, 'notes.txt'].sort())
  })

  test('is named in the error if it cannot be reached', async () => {
    const [folder, cache] = [join(scratch, 'unreached'), join(scratch, 'circle')]
    mkdirSync(folder)
    writeFileSync(join(folder, 'a.wav'), wav(noise(2, 4000), 6000))
    symlinkSync(cache, cache)
    const loading = loadDataset({ folders: [folder], sampleRate: 8000, validationShare: 0, cache })
    await assert.rejects(loading, code('NOT_A_DIRECTORY', /circle/))
  })

  test('contains exactly the recorded samples with SAMPLES_VERSION 1', async () => {
    const { training } = await loadDataset({ folders: [golden('audio')], sampleRate: 11_025, validationShare: 0 })
    const hash = createHash('sha256')
    for (const { name, samples } of training) hash.update(name).update(new Uint8Array(samples.buffer))
    // After an intended change of samples by a decoder or the resampler, raise SAMPLES_VERSION and update this hash.
    assert.deepEqual([training.length, hash.digest('hex').slice(0, 16)], [10, 'c3e927a5a5d4a3c2'])
  })
})
