/** Mels in files: every format gives the same mel, one of several can be chosen, and errors are typed. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { zipSync } from 'fflate'
import type { Mel } from '#src/audio/mel/convention'
import { writeMel } from '#src/formats/mel-file'
import { openMel, openMels, wholeMel } from '#src/formats/mel-stream'
import { encodeNpy } from '#src/formats/npy'
import { readMel, readMels } from '#src/formats/read-mel'
import { encodeSafetensors } from '#src/formats/safetensors'
import { inCase } from '../support/in-case.js'
import { golden } from '../support/paths.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder('mel-file')
const at = (name: string) => join(folder, name)
const mel: Mel = { data: Float32Array.from({ length: 6 }, (_, i) => -i), bands: 2, frames: 3 }
const tensor = { shape: [2, 3], data: mel.data }

describe('readMel', () => {
  test('reads the same mel from .npy and from a legacy .pt', async () => {
    const fromNpy = await readMel(golden('mel/LJ001-0008.tacotron2.npy'), 80)
    assert.deepEqual(await readMel(golden('mel/LJ001-0008.tacotron2.pt'), 80), fromNpy)
    assert.equal(fromNpy.transposed, false)
  })

  test('transposes a transposed mel back and reports it', async () => {
    const { mel } = await readMel(golden('mel/LJ001-0008.tacotron2.npy'), 80)
    const turned = await readMel(golden('mel/LJ001-0008.tacotron2.npy'), mel.frames)
    assert.equal(turned.transposed, true)
    assert.equal(turned.mel.data[1], mel.data[mel.frames])
    await assert.rejects(readMel(golden('mel/LJ001-0008.tacotron2.npy'), 81), { code: 'BAD_MEL', hint: /inspect/ })
  })

  test('takes an axis longer than any number of bands for the frames', async () => {
    writeFile('long.npy', encodeNpy({ shape: [600, 80], data: new Float32Array(48_000) }))
    const { mel, transposed } = await readMel(at('long.npy'))
    assert.deepEqual([mel.bands, mel.frames, transposed], [80, 600, true])
  })
})

describe('files of several arrays', () => {
  const other = { shape: [1], data: Float32Array.of(7) }
  const npz = zipSync({ 'first.npy': encodeNpy(tensor), 'second.npy': encodeNpy(other) })

  test('.npz: the first array is read, or the one named by `key`', async () => {
    writeFile('two.npz', npz)
    assert.deepEqual((await readMel(at('two.npz'))).mel, mel)
    assert.deepEqual((await readMel(at('two.npz'), { key: 'first' })).mel, mel)
    await assert.rejects(readMel(at('two.npz'), { key: 'third' }), { code: 'BAD_MEL' })
  })

  test('.npy and .pt: a file of one array without a name refuses every key', async () => {
    const refusal = { code: 'BAD_MEL', message: /no array named nope/, hint: /Leave out/ }
    for (const path of [golden('mel/LJ001-0008.tacotron2.npy'), golden('mel/LJ001-0008.tacotron2.pt')]) {
      for (const read of [readMel, readMels, openMel, openMels]) {
        await assert.rejects(read(path, { bands: 80, key: 'nope' }), refusal)
      }
    }
  })

  test('.safetensors: the array named mel is read, or the one named by `key`', async () => {
    writeFile(
      'two.safetensors',
      encodeSafetensors(
        new Map([
          ['x', other],
          ['mel', tensor],
        ]),
      ),
    )
    assert.deepEqual((await readMel(at('two.safetensors'))).mel, mel)
    writeFile(
      'no.safetensors',
      encodeSafetensors(
        new Map([
          ['x', tensor],
          ['y', other],
        ]),
      ),
    )
    await assert.rejects(readMel(at('no.safetensors')), { code: 'BAD_MEL', hint: /key/ })
    assert.deepEqual((await readMel(at('no.safetensors'), { key: 'x' })).mel, mel)
  })

  test('a batch: the mel with the given `index` is read', async () => {
    const batch = { shape: [2, 2, 3], data: Float32Array.of(...mel.data, ...mel.data.map(x => x - 1)) }
    writeFile('batch.npy', encodeNpy(batch))
    await assert.rejects(readMel(at('batch.npy')), { code: 'BAD_MEL', hint: /index/ })
    const second = (await readMel(at('batch.npy'), { index: 1 })).mel
    assert.deepEqual([...second.data], [-1, -2, -3, -4, -5, -6])
    assert.deepEqual(await wholeMel(await openMel(at('batch.npy'), { index: 1, bands: 2 })), second)
    await assert.rejects(readMel(at('batch.npy'), { index: 2 }), { code: 'BAD_MEL', message: /no mel 2/ })
    await assert.rejects(openMel(at('batch.npy'), { index: 2 }), { code: 'BAD_MEL', message: /no mel 2/ })
  })

  test('axes of size 1 too many, and logarithms of 0, are refused with what to do', async () => {
    for (const shape of [
      [1, 1, 2, 3],
      [1, 2, 3, 1],
    ]) {
      writeFile('axes.npy', encodeNpy({ shape, data: mel.data }))
      await assert.rejects(readMel(at('axes.npy'), 2), { code: 'BAD_MEL', hint: /squeeze/ })
    }
    writeFile(
      'zero.npy',
      encodeNpy({ shape: [2, 3], data: mel.data.map(x => (x < -2 ? Number.NEGATIVE_INFINITY : x)) }),
    )
    await assert.rejects(readMel(at('zero.npy')), {
      code: 'NOT_FINITE',
      message: /got -Infinity/,
      hint: /logarithm of 0/,
    })
  })

  test('a mel of fewer frames than bands is not turned', async () => {
    writeFile('short.npy', encodeNpy({ shape: [3, 2], data: mel.data }))
    assert.deepEqual(await readMel(at('short.npy')), { mel: { ...mel, bands: 3, frames: 2 }, transposed: false })
  })

  test('a batch: all mels are read, in any order of axes and any format', async () => {
    const [bands, frames] = [2, 3]
    const data = Float32Array.from({ length: 3 * bands * frames }, (_, i) => i)
    const batch = { shape: [3, bands, frames], data }
    const expected = [0, 1, 2].map(i => ({ data: data.slice(i * 6, i * 6 + 6), bands, frames }))
    writeFile('batch.npy', encodeNpy(batch))
    writeFile('batch.safetensors', encodeSafetensors(new Map([['mel', batch]])))
    const turned = Float32Array.from(
      data,
      (_, i) => data[Math.floor(i / 6) * 6 + (i % 2) * 3 + Math.floor((i % 6) / 2)]!,
    )
    writeFile('turned.npy', encodeNpy({ shape: [3, frames, bands], data: turned }))
    const columns = Float32Array.from(
      data,
      (_, i) => data[(i % 3) * 6 + (Math.floor(i / 3) % 2) * 3 + Math.floor(i / 6)]!,
    )
    const fortran = Buffer.from(encodeNpy({ shape: [3, bands, frames], data: columns }))
    fortran.write(fortran.toString('latin1', 0, 128).replace('False', 'True '), 0, 'latin1')
    writeFile('fortran.npy', fortran)
    for (const name of ['batch.npy', 'batch.safetensors', 'turned.npy', 'fortran.npy']) {
      const all = await readMels(at(name), bands)
      assert.deepEqual(
        all.map(file => file.mel),
        expected,
        name,
      )
      const stored = await openMels(at(name), { bands })
      assert.deepEqual(await Promise.all(stored.map(wholeMel)), expected, name)
      assert.deepEqual(await wholeMel(await openMel(at(name), { bands, index: 1 })), expected[1], name)
      assert.equal(all[0]!.transposed, name === 'turned.npy')
    }
    await writeMel(at('single.npy'), mel)
    assert.deepEqual((await readMels(at('single.npy')))[0]!.mel, mel)
  })

  test('a batch that is too large, empty or not finite is refused', async () => {
    writeFile('many.npy', encodeNpy({ shape: [10_001, 1, 1], data: new Float32Array(10_001) }))
    await assert.rejects(readMels(at('many.npy')), { code: 'TOO_LARGE', hint: /index/ })
    await assert.rejects(openMels(at('many.npy')), { code: 'TOO_LARGE' })
    assert.equal((await openMel(at('many.npy'), { index: 10_000 })).frames, 1)
    writeFile('none.npy', encodeNpy({ shape: [0, 2, 3], data: new Float32Array(0) }))
    await assert.rejects(readMels(at('none.npy')), { code: 'BAD_MEL' })
    await assert.rejects(openMels(at('none.npy')), { code: 'BAD_MEL' })
    writeFile('nan.npy', encodeNpy({ shape: [2, 1, 2], data: Float32Array.of(1, 2, Number.NaN, 4) }))
    await assert.rejects(readMels(at('nan.npy')), { code: 'NOT_FINITE', where: /mel 1/ })
    await assert.rejects(readMels(at('nan.npy'), { index: 1 } as never), { code: 'BAD_OPTION', message: /index/ })
  })
})

describe('readMel, openMel and writeMel', () => {
  test('accept file: URLs', async () => {
    const url = pathToFileURL(at('a b.npy'))
    await writeMel(url, mel)
    assert.deepEqual((await readMel(url)).mel, mel)
    assert.deepEqual((await readMel(url.href)).mel, mel)
    assert.equal((await openMel(url)).frames, 3)
  })

  test('refuse what is not a path', async () => {
    for (const [name, path] of [
      ['a number', 3],
      ['nothing', undefined],
      ['an empty string', ''],
      ['another kind of URL', new URL('data:,x')],
      ['a null character', 'a\0.npy'],
    ] as const) {
      await inCase(name, async () => {
        await assert.rejects(readMel(path as string), { name: 'DiffWaveError', code: 'BAD_OPTION' })
        await assert.rejects(openMel(path as string), { name: 'DiffWaveError', code: 'BAD_OPTION' })
        await assert.rejects(writeMel(path as string, mel), { name: 'DiffWaveError', code: 'BAD_OPTION' })
      })
    }
  })

  test('refuse to write what is not a mel', async () => {
    for (const [name, value, code] of [
      ['samples alone', new Float32Array(6), 'BAD_MEL'],
      ['nothing', undefined, 'BAD_MEL'],
      ['what readMel returns', { mel, transposed: false }, 'BAD_MEL'],
      ['numbers in a plain array', { ...mel, data: [...mel.data] }, 'BAD_MEL'],
      ['a shape that does not fit', { ...mel, frames: 4 }, 'BAD_MEL'],
      ['no frames', { data: new Float32Array(0), bands: 2, frames: 0 }, 'BAD_MEL'],
      ['half a band', { data: new Float32Array(1), bands: 0.5, frames: 2 }, 'BAD_MEL'],
      ['a thousand bands', { data: new Float32Array(1000), bands: 1000, frames: 1 }, 'BAD_MEL'],
      ['NaN', { ...mel, data: mel.data.map(() => Number.NaN) }, 'NOT_FINITE'],
    ] as const) {
      await inCase(name, async () => {
        await assert.rejects(writeMel(at('x.npy'), value as unknown as Mel), { name: 'DiffWaveError', code })
      })
    }
  })

  test('take the format from the extension, in either case, and do not write .pt', async () => {
    await assert.rejects(writeMel(at('x.pt'), mel), { code: 'UNSUPPORTED_FORMAT' })
    await writeMel(at('x.NPY'), mel)
    assert.deepEqual((await readMel(at('x.NPY'))).mel, mel)
  })

  test('refuse unknown options', async () => {
    await assert.rejects(readMel(at('x.NPY'), { band: 80 } as object), { code: 'BAD_OPTION' })
  })
})

function writeFile(name: string, bytes: Uint8Array): void {
  writeFileSync(at(name), bytes)
}
