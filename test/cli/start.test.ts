/** The modules that the command line loads before it runs a command. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { commands } from '#src/cli/commands'
import { inRepository } from '../support/paths.js'
import { program } from '../support/process.js'
import { scratchFolder } from '../support/scratch.js'

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

/** Files that a process of the command line loads, by name, in order. */
function loadedIn(args: readonly string[]): readonly string[] {
  const url = (program: string) => `data:text/javascript,${encodeURIComponent(program)}`
  const hooks = "export const load = (url, context, next) => (process._rawDebug('LOADED ' + url), next(url, context))"
  const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hooks))})`
  const start = ['--import', url(register), program]
  const { status, stderr } = spawnSync(process.execPath, [...start, ...args], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return [...stderr.matchAll(/^LOADED file:.*\/(.+)$/gm)].map(([, name]) => name!)
}

describe('diffwave --help', () => {
  test('loads only the joined parser of command lines, and no package', () => {
    assert.deepEqual(loadedIn(['--help']), ['main.js', 'main.js', 'rolldown-runtime.js'])
  })

  test('loads no command', () => {
    const { files, packages } = loadedBy(compiled('program'))
    assert.deepEqual([...packages].sort(), ['commander', 'picocolors'])
    assert.ok(files.size > 5 && files.size <= 16, `${files.size} files`)
    assert.deepEqual(
      [...files].filter(file => dirname(file).endsWith('commands')),
      [],
    )
  })
})

describe('diffwave synthesize', () => {
  test('loads only three further joined files before its first sound', () => {
    const folder = scratchFolder('start')
    const output = join(folder, 'sound.wav')
    const mel = inRepository('samples/LJ001-0002.npy')
    const loaded = loadedIn(['synthesize', mel, '-o', output, '--steps', '1', '--refine', '0', '--force'])
    assert.deepEqual(loaded.slice(3), ['files.js', 'sound.js', 'zod.js'])
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

    test(`${entry.name}: has the same summary and usage in the list of commands`, async () => {
      const { load, ...listed } = entry
      const { command } = await load()
      const usage = command.arguments.map(({ name, variadic }) => (variadic ? `<${name}...>` : `<${name}>`)).join(' ')
      const { name, summary, group } = command
      assert.deepEqual({ name, summary, group, usage }, listed)
    })
  }
})
