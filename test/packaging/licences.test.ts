/**
 * Everything that `npm install diffwave` brings has a permissive licence, so that closed programs may use it.
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

/** Code under a copyleft licence that is compiled into packages, whatever the licence of the package itself. */
const compiledIn = { 'mpg123-decoder': 'mpg123 is under LGPL-2.1-or-later' }

test('a package with copyleft code is optional and documented', () => {
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as {
    readonly dependencies: object
    readonly optionalDependencies: object
  }
  for (const name of Object.keys(compiledIn)) {
    assert.ok(name in optionalDependencies && !(name in dependencies), name)
    assert.match(readFileSync(inRepository('docs/architecture.md'), 'utf8'), new RegExp(`\`${name}\`.*LGPL`))
  }
})

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
