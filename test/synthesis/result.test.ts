import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { readWav } from '#src/audio/codecs/read-wav'
import { writeWav, writeWavStream } from '#src/audio/codecs/wav-file'
import type { AudioPieces } from '#src/audio/codecs/wav-stream'
import { Synthesis } from '#src/synthesis/result'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder('result')
const result = new Synthesis({ samples: Float32Array.of(0, 0.5, -0.25), sampleRate: 22050, seed: 1, steps: 6 })

describe('a Synthesis', () => {
  test('saves itself as the WAV file that writeWav writes', async () => {
    const [own, plain] = [join(folder, 'own.wav'), join(folder, 'plain.wav')]
    await result.save(own, { format: '32f' })
    await writeWav(plain, { samples: result.samples, sampleRate: 22050 }, { format: '32f' })
    assert.deepEqual(readFileSync(own), readFileSync(plain))
    assert.deepEqual([...(await readWav(own)).samples], [0, 0.5, -0.25])
  })

  test('refuses names of other formats, as writeWav and writeWavStream do, and writes nothing', async () => {
    const pieces = () => Object.assign([result.samples].values(), { sampleRate: 22050 })
    for (const name of ['y.mp3', 'y.FLAC', 'y.m4a', 'y.npy']) {
      const path = join(folder, name)
      const refusal = { code: 'UNSUPPORTED_FORMAT', got: path, expected: /\.wav/ }
      await assert.rejects(result.save(path), refusal)
      await assert.rejects(writeWav(pathToFileURL(path), result), refusal)
      await assert.rejects(writeWavStream(path, pieces() as unknown as AudioPieces), refusal)
      assert.ok(!existsSync(path))
    }
    for (const name of ['y.WAV', 'y.wave', 'take.2', 'mp3']) await result.save(join(folder, name))
  })

  test('converts to the bytes of that file, 16-bit by default', async () => {
    const path = join(folder, 'default.wav')
    await result.save(path)
    assert.deepEqual(Buffer.from(result.toWav()), readFileSync(path))
    assert.equal(result.toWav().length, 44 + 6)
  })

  test('can be spread as plain data, and passed to writeWav', async () => {
    assert.deepEqual(Object.keys({ ...result }), ['samples', 'sampleRate', 'seed', 'steps'])
    await writeWav(join(folder, 'structural.wav'), result)
  })
})
