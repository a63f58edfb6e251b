/** The layout of native/: which folder may include which. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'
import { describe, test } from 'node:test'
import { inRepository } from './support/paths.js'

/** The folders that each folder of native/ may include from, besides itself. Files at the root of native/ are `.`. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  '.': [],
  platform: ['.'],
  kernels: ['.'],
  targets: ['kernels'],
  reference: ['.'],
  inference: ['kernels', '.'],
  training: ['kernels', 'reference', '.'],
  binding: ['training', 'inference', 'reference', 'targets', '.'],
  test: ['training', 'inference', 'reference', 'targets', 'kernels', '.'],
  fuzz: [],
}

const native = inRepository('native')
const files = readdirSync(native, { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll('\\', '/'))
  .filter(file => /\.(cc|h)$/.test(file))
const text = (file: string) => readFileSync(join(native, file), 'utf8')
const folderOf = (file: string) => (file.includes('/') ? file.split('/')[0]! : '.')
const includes = (file: string) =>
  [...text(file).matchAll(/#include "([^"]+)"/g)].map(match => normalize(join(dirname(file), match[1]!)))

describe('the layout of native/', () => {
  test('has folders that include exactly the folders they may', () => {
    const used: Record<string, Set<string>> = {}
    for (const file of files) {
      const from = folderOf(file)
      assert.ok(from in allowed, `unknown folder of ${file}`)
      used[from] ??= new Set()
      for (const target of includes(file)) {
        const to = folderOf(target)
        if (to === from) continue
        assert.ok(allowed[from]!.includes(to), `${file} includes ${target}`)
        used[from]!.add(to)
      }
    }
    for (const [from, targets] of Object.entries(allowed)) {
      assert.deepEqual([...(used[from] ?? [])].sort(), [...targets].sort(), `the list of ${from} is not exact`)
    }
  })

  test('has no circular includes', () => {
    const finished = new Set<string>()
    const visit = (file: string, path: readonly string[]) => {
      assert.ok(!path.includes(file), `a circle: ${[...path, file].join(' → ')}`)
      if (finished.has(file)) return
      for (const target of includes(file)) visit(target, [...path, file])
      finished.add(file)
    }
    for (const file of files) visit(file, [])
  })

  test('has a fuzzer that defines each function of Node-API that the addon calls', () => {
    // Few machines have the compiler that links it.
    const called = (folder: string) =>
      files.filter(file => folderOf(file) === folder).flatMap(file => text(file).match(/\bnapi_\w+(?=\()/g) ?? [])
    const defined = new Set(called('fuzz'))
    assert.deepEqual(
      [...new Set(called('binding'))].filter(name => !defined.has(name)),
      [],
    )
  })

  test('has headers that start with their purpose and an include guard', () => {
    for (const file of files.filter(name => name.endsWith('.h'))) {
      assert.match(text(file), /^\/\/ [\s\S]*?\n#pragma once\n/, file)
    }
  })
})
