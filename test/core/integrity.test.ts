/** Files compared with the size and the hash that a source announced. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkIntegrity, sha256 } from '#src/core/integrity'
import { code } from '../support/errors.js'

describe('checkIntegrity', () => {
  const bytes = new TextEncoder().encode('abc')

  test('accepts the SHA-256 of FIPS 180-4', async () => {
    const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    assert.equal(await sha256(bytes), expected)
    await checkIntegrity(bytes, { bytes: 3, sha256: expected }, 'file')
  })

  test('refuses another size or hash', async () => {
    await assert.rejects(checkIntegrity(bytes, { bytes: 4 }, 'file'), code('CORRUPTED', /4 bytes/))
    await assert.rejects(checkIntegrity(bytes, { sha256: '00' }, 'file'), code('CORRUPTED', /SHA-256/))
  })
})
