// Runs the native engine's tests under sanitizers: the JavaScript API tests and the native test program, each under
// AddressSanitizer (with UndefinedBehaviorSanitizer) and ThreadSanitizer. It needs Linux with g++, and takes some
// minutes.
// usage: node scripts/sanitize.mjs
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { testNative } from './build-native.mjs'
import { compile, root } from './compile.mjs'

const compiler = process.env.CXX ?? 'g++'
/** A copy of the files that the tests need, so that an addon with a sanitizer does not replace the one in use. */
const copy = join(root, 'build', 'sanitize')
const tests = join(copy, 'build', 'test', 'engines')

/** The tests that run under each sanitizer, as paths from test/engines/, and what they need. */
const sanitizers = {
  address: {
    library: 'libasan.so',
    // Node.js itself leaks at exit. The sanitizer fills new memory with NaN, so that no result may depend on it.
    variables: { ASAN_OPTIONS: 'detect_leaks=0:max_malloc_fill_size=1000000000:malloc_fill_byte=255' },
    // stream-memory.test.js measures resident memory, which the sanitizer's quarantine enlarges.
    includes: file =>
      /^(native|windowed|corrected)\/.*\.test\.js$/.test(file) && !file.endsWith('stream-memory.test.js'),
  },
  thread: {
    library: 'libtsan.so',
    // Node.js is not compiled for it, so its own accesses do not count.
    variables: { TSAN_OPTIONS: 'ignore_noninstrumented_modules=1:report_signal_unsafe=0' },
    // Streams on several threads. The other tests would take an hour, and the native test program has their kernels.
    includes: file => file === 'native/together.test.js',
  },
}

function copyFiles() {
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
}

async function testAddon(sanitize) {
  const { library, variables, includes } = sanitizers[sanitize]
  const { buildAddon } = await import('../dist/engines/native/build.js')
  const out = join(copy, 'prebuilds', `${process.platform}-${process.arch}`, 'diffwave.node')
  await buildAddon({ compiler, out, sanitize })
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter(includes)
  const path = execFileSync(compiler, [`-print-file-name=${library}`], { encoding: 'utf8' }).trim()
  execFileSync(process.execPath, ['--test', ...files.map(file => join(tests, file))], {
    stdio: 'inherit',
    env: { ...process.env, LD_PRELOAD: path, ...variables },
  })
}

compile('tsconfig.json')
compile('test/tsconfig.json')
copyFiles()
for (const sanitize of /** @type {const} */ (['address', 'thread'])) {
  await testAddon(sanitize)
  await testNative({ compiler, sanitize })
}
