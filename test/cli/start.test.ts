/** What the command line loads before it knows what to do. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { commands } from '#src/cli/commands'
import { inRepository } from '../support/paths.js'

/** The files and packages that a compiled module loads before it runs: its imports at the top, transitively. */
function loadedBy(path: string): { readonly files: ReadonlySet<string>; readonly packages: ReadonlySet<string> } {
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string) => {
    if (files.has(file)) return
    files.add(file)
    for (const [, name] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)\s(?:[^;()=]*?\sfrom )?["']([^"']+)["'];?$/gm,
    )) {
      if (name!.startsWith('.')) visit(join(dirname(file), name!))
      else if (!name!.startsWith('node:')) packages.add(name!)
    }
  }
  visit(path)
  return { files, packages }
}

const compiled = (name: string) => inRepository(`dist/cli/${name}.js`)

describe('diffwave --help', () => {
  test('loads the parser of command lines and no other package', () => {
    assert.deepEqual([...loadedBy(compiled('main')).packages].sort(), ['commander', 'picocolors'])
  })

  test('loads no command', () => {
    const files = [...loadedBy(compiled('main')).files]
    assert.ok(files.length > 5 && files.length <= 16, `${files.length} files`)
    assert.deepEqual(
      files.filter(file => dirname(file).endsWith('commands')),
      [],
    )
  })
})

describe('a command', () => {
  for (const entry of commands) {
    test(`${entry.name}: loads no network, engine or schema before it runs`, () => {
      const { files, packages } = loadedBy(compiled(`commands/${entry.name}`))
      assert.deepEqual(packages.has('zod'), false)
      assert.deepEqual(
        [...files].filter(file => /\/(engines|model|denoiser|server|training)\//.test(file)),
        [],
      )
    })

    test(`${entry.name}: the help of all commands says what its own says`, async () => {
      const { load, ...listed } = entry
      const { command } = await load()
      const usage = command.arguments.map(({ name, variadic }) => (variadic ? `<${name}...>` : `<${name}>`)).join(' ')
      const { name, summary, group } = command
      assert.deepEqual({ name, summary, group, usage }, listed)
    })
  }
})
