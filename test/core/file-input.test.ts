/** Functions that read files take paths, `file:` URLs, blobs and bytes. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { encodeNpy } from '#src/formats/npy'
import { type FileInput, readAudio, readMel, readMels, readWav } from '#src/index'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder('file-input')
const sound = join(folder, 'a.wav')
const mel = join(folder, 'a.npy')
writeFileSync(sound, encodeWav({ samples: Float32Array.of(0.25, -0.5, 0.75), sampleRate: 8000 }))
writeFileSync(mel, encodeNpy({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }))

/** A file in every form that a caller may have it in. */
function forms(path: string): readonly FileInput[] {
  const bytes = new Uint8Array(readFileSync(path))
  // At an odd byte of a larger buffer, as parsers of forms cut them out.
  const odd = Buffer.concat([Buffer.alloc(1), bytes]).subarray(1)
  return [path, pathToFileURL(path), bytes, odd, bytes.buffer, new Blob([bytes]), new File([bytes], 'own name')]
}

const readers: Readonly<Record<string, (input: FileInput) => Promise<unknown>>> = {
  readAudio,
  readWav,
  readMel,
  readMels,
}

describe('a file', () => {
  for (const [name, read] of Object.entries(readers)) {
    test(`is read by ${name} in every form`, async () => {
      const inputs = forms(name.startsWith('readMel') ? mel : sound)
      const [first, ...others] = await Promise.all(inputs.map(input => read(input)))
      for (const other of others) assert.deepEqual(other, first)
    })
  }

  test('keeps its bytes if what was read of them is changed', async () => {
    const bytes = new Uint8Array(readFileSync(mel))
    ;(await readMel(bytes)).mel.data.fill(0)
    assert.deepEqual([...(await readMel(bytes)).mel.data], [1, 2, 3, 4, 5, 6])
  })

  test('is named in errors, by its argument if it has no name', async () => {
    await assert.rejects(readAudio(new File(['no sound'], 'upload.mp3')), { where: 'upload.mp3' })
    await assert.rejects(readWav(new Uint8Array(4)), { code: 'UNSUPPORTED_FORMAT', where: 'readWav input' })
    for (const wrong of [3, null, [1, 2], new Float32Array(3)]) {
      await assert.rejects(readMel(wrong as never), { code: 'BAD_OPTION', message: /not a file/ })
    }
  })

  test('that is too large is refused before its bytes are asked for', async () => {
    const large = { [Symbol.toStringTag]: 'Blob', size: 2 ** 31, arrayBuffer: () => assert.fail('was read') }
    await assert.rejects(readAudio(large as unknown as Blob), { code: 'TOO_LARGE', got: String(2 ** 31) })
  })
})
