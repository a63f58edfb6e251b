// Builds the native engine from this repository (src/engines/native/build.ts does the work, once it is compiled
// itself).
// usage: node scripts/build-native.mjs [--target linux-arm64 --compiler aarch64-linux-gnu-g++]
//        node scripts/build-native.mjs --test [--sanitize address|thread] [--target … --compiler … --run '…']
// --run: an emulator, such as 'qemu-aarch64 -L /usr/aarch64-linux-gnu'
// --test builds and runs the program native/test/ instead.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compile, root } from './compile.mjs'

const library = () => import('../dist/engines/native/build.js')

function newestSource() {
  const folder = join(root, 'native')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    name => /\.(cc|h)$/.test(name) && !name.startsWith('test'),
  )
  return Math.max(...files.map(name => statSync(join(folder, name)).mtimeMs))
}

/** Builds the addon for this machine unless it is newer than its sources. Without a compiler, it prints a note. */
export async function buildNativeIfMissing() {
  const { addonPath, buildAddon } = await library()
  const path = addonPath()
  if (existsSync(path) && statSync(path).mtimeMs >= newestSource()) return
  try {
    await buildAddon(process.env.CXX === undefined ? {} : { compiler: process.env.CXX })
  } catch (error) {
    if (existsSync(path)) throw error
    console.error(`${error.message}${error.cause === undefined ? '' : `\n${error.cause.message}`}`)
    console.error('The wasm engine runs without it.')
  }
}

/**
 * Builds the test program for a target and runs it, in the emulator `run` if one is given.
 *
 * @param {{ target?: string, compiler?: string, sanitize?: 'address' | 'thread', run?: string }} options
 */
export async function testNative({ target, compiler, sanitize, run = '' } = {}) {
  const { buildAddon } = await library()
  const name = `test${sanitize === undefined ? '' : `-${sanitize}`}`
  const out = join(root, 'build', 'native', target ?? `${process.platform}-${process.arch}`, name)
  const program = await buildAddon({
    what: 'test',
    out,
    ...(sanitize === undefined ? {} : { sanitize }),
    ...(target === undefined ? {} : { target }),
    ...(compiler === undefined ? {} : { compiler }),
  })
  const few = sanitize !== undefined || run !== '' ? ['--few'] : []
  const [command, ...more] = [...run.split(' ').filter(Boolean), program, ...few]
  execFileSync(command, more, { stdio: 'inherit' })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      target: { type: 'string' },
      compiler: { type: 'string' },
      run: { type: 'string' },
      test: { type: 'boolean', default: false },
      sanitize: { type: 'string' },
    },
  })
  const { test, run, sanitize: sanitizer, ...options } = values
  const sanitize = /** @type {'address' | 'thread' | undefined} */ (sanitizer)
  compile('tsconfig.json')
  const what = { ...options, ...(sanitize === undefined ? {} : { sanitize }) }
  if (test) await testNative({ ...what, run })
  else console.log(await (await library()).buildAddon(what))
}
