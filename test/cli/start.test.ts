/** The modules that the command line loads before it runs a command. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { commands } from '#src/cli/commands'
import { encodeNpy } from '#src/formats/npy'
import { loadedBy } from '../support/loaded-by.js'
import { inRepository } from '../support/paths.js'
import { program } from '../support/process.js'
import { scratchFolder } from '../support/scratch.js'

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
    assert.deepEqual(loadedIn(['--help']), ['main.js', 'main.js'])
  })
})

test('no call loads a network, an engine or a schema before a command runs', () => {
  const { files, packages } = loadedBy(inRepository('dist/cli/run.js'))
  assert.deepEqual([...packages].sort(), ['commander', 'picocolors'])
  assert.deepEqual(
    [...files].filter(file => /\/(actions|engines|model|denoiser|server|training)\//.test(file)),
    [],
  )
})

describe('diffwave synthesize', () => {
  test('loads only three further joined files before its first sound', () => {
    const folder = scratchFolder('start')
    const output = join(folder, 'sound.wav')
    const mel = join(folder, 'mel.npy')
    writeFileSync(mel, encodeNpy({ shape: [80, 2], data: new Float32Array(160).fill(-5) }))
    const loaded = loadedIn(['synthesize', mel, '-o', output, '--steps', '1', '--refine', '0', '--force'])
    assert.deepEqual(loaded.slice(2).sort(), ['files.js', 'sound.js', 'zod.js'])
  })
})

test('every joined file can be loaded, and names files of the package that are there', () => {
  const folder = inRepository('dist/bundled/cli')
  const files = readdirSync(folder).filter(name => name.endsWith('.js'))
  assert.ok(files.length > commands.length)
  let addresses = 0
  for (const file of files) {
    for (const [, path] of readFileSync(join(folder, file), 'utf8').matchAll(
      /new URL\([`"']([^`"']+)[`"'],\s*import\.meta\.url\)/g,
    )) {
      assert.ok(existsSync(join(folder, path!)), `${path} in ${file}`)
      addresses++
    }
  }
  assert.ok(addresses > 5)
  const load = `process.argv.splice(1); for (const file of ${JSON.stringify(files)}) await import('./' + file)`
  const loaded = spawnSync(process.execPath, ['--input-type=module', '-e', load], { cwd: folder, encoding: 'utf8' })
  assert.equal(loaded.stderr, '')
})
