/** The committed binaries are up to date, small, and have the memory layout that JavaScript expects. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { wasmInstructionSets } from '#src/engines/wasm/host'
import { memoryImport, withoutSharing } from '#src/engines/wasm/memory-import'
import { inRepository } from '../../support/paths.js'

const binary = (name: string) => readFileSync(inRepository(`prebuilds/wasm/${name}.wasm`))

describe('prebuilds/wasm', () => {
  test('is up to date: if this fails, run `npm run build:wasm` and commit the result', () => {
    execFileSync(process.execPath, [inRepository('scripts/build-wasm.mjs'), '--check'], { stdio: 'pipe' })
  })

  for (const name of wasmInstructionSets) {
    test(`${name}: has the recorded hash and is at most 150 kB compressed`, () => {
      const { binaries } = JSON.parse(readFileSync(inRepository('prebuilds/wasm/built-from.json'), 'utf8'))
      assert.equal(createHash('sha256').update(binary(name)).digest('hex'), binaries[`${name}.wasm`])
      assert.ok(gzipSync(binary(name), { level: 9 }).length < 150_000)
    })

    test(`${name}: declares a memory that can be made shared or unshared`, async () => {
      const bytes = new Uint8Array(binary(name))
      const found = memoryImport(bytes)
      assert.equal(found.maximum, 65535)
      assert.ok(found.initial > 16 && found.initial < 100)
      const changed = withoutSharing(bytes, found)
      assert.deepEqual(
        [...changed.keys()].filter(i => changed[i] !== bytes[i]),
        [found.flagsAt],
      )
    })
  }

  test('a binary that is truncated or has no memory is refused', () => {
    const bytes = new Uint8Array(binary('simd128'))
    assert.throws(() => memoryImport(bytes.subarray(0, 20)), { code: 'ENGINE_UNAVAILABLE' })
    assert.throws(() => memoryImport(bytes.subarray(0, 8)), { code: 'ENGINE_UNAVAILABLE' })
  })
})
