import assert from 'node:assert/strict'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Mel } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'
import { writeMel } from '#src/formats/mel-file'
import { openMel, wholeMel } from '#src/formats/mel-stream'
import { encodeNpy } from '#src/formats/npy'
import { readMel } from '#src/formats/read-mel'
import { code } from '../support/errors.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder('mel')
const at = (name: string) => join(folder, name)

async function whole(path: string, bands?: number): Promise<{ mel: Mel; most: number }> {
  const stored = await openMel(path, bands)
  const data = new Float32Array(stored.bands * stored.frames)
  let start = 0
  let most = 0
  for await (const piece of stored) {
    for (let band = 0; band < piece.bands; band++) {
      data.set(piece.data.subarray(band * piece.frames, (band + 1) * piece.frames), band * stored.frames + start)
    }
    start += piece.frames
    most = Math.max(most, piece.frames)
  }
  assert.equal(start, stored.frames)
  return { mel: { data, bands: stored.bands, frames: stored.frames }, most }
}

test('a stream of pieces is the mel of readMel, in any order of axes and number type', async () => {
  const [bands, frames] = [5, 5000]
  const data = gaussian(1, 0, 0, bands * frames)
  writeFileSync(at('plain.npy'), encodeNpy({ shape: [bands, frames], data }))
  writeFileSync(at('batch.npy'), encodeNpy({ shape: [1, bands, frames], data }))
  writeFileSync(at('turned.npy'), encodeNpy({ shape: [frames, bands], data }))
  const fortran = Buffer.from(encodeNpy({ shape: [bands, frames], data }))
  fortran.write(fortran.toString('latin1', 0, 128).replace('False', 'True '), 0, 'latin1')
  writeFileSync(at('fortran.npy'), fortran)
  const doubles = Buffer.alloc(128 + data.length * 8)
  doubles.write(encodeNpyHeader(bands, frames), 0, 'latin1')
  data.forEach((value, i) => {
    doubles.writeDoubleBE(value, 128 + i * 8)
  })
  writeFileSync(at('doubles.npy'), doubles)
  for (const name of ['plain', 'batch', 'turned', 'fortran', 'doubles']) {
    const { mel, most } = await whole(at(`${name}.npy`), bands)
    assert.deepEqual(mel, (await readMel(at(`${name}.npy`), bands)).mel, name)
    assert.ok(most < frames, name)
  }
  await writeMel(at('m.safetensors'), { data, bands, frames })
  assert.deepEqual((await whole(at('m.safetensors'))).mel.data, data)
})

function encodeNpyHeader(bands: number, frames: number): string {
  const text = `{'descr': '>f8', 'fortran_order': False, 'shape': (${bands}, ${frames}), }`
  return `\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n`
}

test('a stored mel can be read twice, and a file that shrinks meanwhile is refused', async () => {
  const path = at('twice.npy')
  const data = gaussian(1, 0, 0, 400)
  writeFileSync(path, encodeNpy({ shape: [4, 100], data }))
  const stored = await openMel(path)
  for (let i = 0; i < 2; i++) assert.deepEqual(await wholeMel(stored), { data, bands: 4, frames: 100 })
  truncateSync(path, 1000)
  await assert.rejects(
    async () => {
      for await (const _ of stored);
    },
    { code: 'TRUNCATED' },
  )
  await assert.rejects(openMel(path), { code: 'TRUNCATED' })
  await assert.rejects(openMel(at('none.npy')), { code: 'FILE_NOT_FOUND' })
  await assert.rejects(openMel(folder), { code: 'NOT_A_FILE' })
  writeFileSync(at('empty.npy'), '')
  await assert.rejects(openMel(at('empty.npy')), { code: 'TRUNCATED' })
  writeFileSync(at('other.npy'), encodeNpy({ shape: [4, 100], data: new Float32Array(400) }))
  await assert.rejects(openMel(at('other.npy'), 80), { code: 'BAD_MEL' })
})

test('a number that is not finite is reported with its frame in the whole mel', async () => {
  const data = new Float32Array(2 * 5000)
  data[5000 + 4321] = Number.NaN
  const path = at('nan.npy')
  for (const shape of [
    [2, 5000],
    [5000, 2],
  ]) {
    writeFileSync(path, encodeNpy({ shape, data }))
    await assert.rejects(
      async () => {
        for await (const _ of await openMel(path, 2));
      },
      code('NOT_FINITE', shape[0] === 2 ? /band 1, frame 4321/ : /band 1, frame 4660/),
    )
  }
})
