// Runs the native engine's tests under sanitizers: the JavaScript API tests and the native test program under
// AddressSanitizer, the native test program under ThreadSanitizer. It needs Linux with g++, and takes some minutes.
// usage: node scripts/sanitize.mjs
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { testNative } from './build-native.mjs'
import { compile, root } from './compile.mjs'

const compiler = process.env.CXX ?? 'g++'
/** A copy of the files that the tests need, so that the addon with AddressSanitizer does not replace the one in use. */
const copy = join(root, 'build', 'sanitize')
/** Measures resident memory, which the sanitizer's quarantine enlarges. */
const excluded = ['stream-memory.test.js']

async function testAddonUnderAddressSanitizer() {
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(join(copy, 'build'), { recursive: true })
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
  cpSync(join(root, 'build', 'test'), join(copy, 'build', 'test'), { recursive: true })
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  for (const name of ['node_modules', 'models', 'samples', 'test', 'native'])
    symlinkSync(join(root, name), join(copy, name))
  // The copy has its own addon. Its WebAssembly, with which some tests compare, is the one in use.
  mkdirSync(join(copy, 'prebuilds'))
  symlinkSync(join(root, 'prebuilds', 'wasm'), join(copy, 'prebuilds', 'wasm'))
  const { buildAddon } = await import('../dist/engines/native/build.js')
  const out = join(copy, 'prebuilds', `${process.platform}-${process.arch}`, 'diffwave.node')
  await buildAddon({ compiler, out, sanitize: 'address' })
  const folder = join(copy, 'build', 'test', 'engines', 'native')
  const files = readdirSync(folder).filter(name => name.endsWith('.test.js') && !excluded.includes(name))
  const library = execFileSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim()
  execFileSync(process.execPath, ['--test', ...files.map(name => join(folder, name))], {
    stdio: 'inherit',
    // Node.js itself leaks at exit.
    env: { ...process.env, LD_PRELOAD: library, ASAN_OPTIONS: 'detect_leaks=0' },
  })
}

compile('tsconfig.json')
compile('test/tsconfig.json')
await testAddonUnderAddressSanitizer()
await testNative({ compiler, sanitize: 'address' })
await testNative({ compiler, sanitize: 'thread' })
