/** Damaged files of numbers are read or refused with a code, whatever their bytes. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { DiffWaveError } from '#src/core/errors'
import { decodeNpy } from '#src/formats/npy'
import { decodeTorch } from '#src/formats/pytorch'
import { decodeSafetensors } from '#src/formats/safetensors'
import { golden } from '../support/paths.js'

const files: readonly (readonly [string, (bytes: Uint8Array) => unknown])[] = [
  ['philsyn-c8-l4-zip/1000.pkl', bytes => decodeTorch(bytes, 'x')],
  ['philsyn-c8-l4-legacy/1000.pkl', bytes => decodeTorch(bytes, 'x')],
  ['philsyn-c8-l4-zip/golden.safetensors', bytes => decodeSafetensors(bytes, 'x')],
  ['mel/LJ001-0008.tacotron2.npy', bytes => decodeNpy(bytes, 'x')],
]

for (const [file, decode] of files) {
  test(`${file}: truncated files are refused, flipped bits are read or refused`, () => {
    const whole = new Uint8Array(readFileSync(golden(file)))
    const attempt = (bytes: Uint8Array) => {
      try {
        decode(bytes)
        return true
      } catch (error) {
        assert.ok(error instanceof DiffWaveError, `a foreign error: ${String(error)}`)
        return false
      }
    }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), length => {
        assert.equal(attempt(whole.slice(0, length)), false)
      }),
      { numRuns: 25, seed: 1 },
    )
    fc.assert(
      // The first bytes hold the structure; flips in the numbers behind change nothing but a number.
      fc.property(
        fc.integer({ min: 0, max: Math.min(whole.length, 20_000) - 1 }),
        fc.integer({ min: 0, max: 7 }),
        (at, bit) => {
          const bytes = whole.slice()
          bytes[at]! ^= 1 << bit
          attempt(bytes)
        },
      ),
      { numRuns: 60, seed: 2 },
    )
  })
}
