/**
 * Licences of everything that `npm install diffwave` brings: permissive ones only, so that a closed program may use it.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inRepository } from '../support/paths.js'

const permissive = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0'])

interface LockedPackage {
  readonly license?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly peer?: boolean
}

test('every production dependency has a permissive licence', () => {
  const lock = JSON.parse(readFileSync(inRepository('package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>
  }
  const installed = Object.entries(lock.packages).filter(([, entry]) => !entry.dev && !entry.peer)
  assert.ok(installed.length > 20)
  const others = installed.filter(([, { license }]) => !permissive.has(license ?? ''))
  assert.deepEqual(
    others.map(([path, { license }]) => `${path}: ${license}`),
    [],
  )
})
