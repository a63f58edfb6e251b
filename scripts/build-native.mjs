// Builds the native engine: prebuilds/<platform>-<arch>/diffwave.node, by plain g++ with the headers of node-api-headers.
// usage: node scripts/build-native.mjs [--target linux-arm64 --compiler aarch64-linux-gnu-g++] [--test]
// Without a compiler the build says so and leaves the package to its other engines.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const native = join(root, 'native')

/** Flags of one instruction set; the rest of the sources are compiled for the platform's baseline. */
const instructionSets = {
  x64: {
    avx512: ['-mavx512f', '-mavx512dq', '-mavx2', '-mfma', '-mprefer-vector-width=512'],
    avx2: ['-mavx2', '-mfma'],
    avx2x16: ['-mavx2', '-mfma'],
    baseline: [],
  },
  arm64: { neon: [], baseline: [] },
}

const common = [
  '-std=c++17',
  '-O3',
  '-ffp-contract=off',
  '-fPIC',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-Wno-psabi',
]

function sources(folder) {
  return readdirSync(folder, { recursive: true })
    .filter(name => /\.(cc|h)$/.test(name) && !name.startsWith('test'))
    .map(name => join(folder, name))
}

/** Whether the addon is there and newer than its sources. */
function isFresh(addon) {
  return existsSync(addon) && sources(native).every(file => statSync(file).mtimeMs <= statSync(addon).mtimeMs)
}

/**
 * Compiles and links; `test` builds the test program instead.
 *
 * @returns the path of what was built, or null where there is no compiler
 */
export function buildNative({
  target = `${process.platform}-${process.arch}`,
  compiler = process.env.CXX ?? 'g++',
  test = false,
  ifMissing = false,
  sanitize = false,
} = {}) {
  const architecture = target.split('-').at(-1)
  const folder = test ? join(root, 'build', 'native', target) : join(root, 'prebuilds', target)
  const result = join(folder, test ? `test-training${sanitize ? '-asan' : ''}` : 'diffwave.node')
  if (ifMissing && isFresh(result)) return result
  if (spawnSync(compiler, ['--version']).status !== 0) {
    console.error(`native engine not built: there is no ${compiler} (the TensorFlow.js engine needs none)`)
    return null
  }
  const objects = join(root, 'build', 'native', `${target}${sanitize ? '-asan' : ''}`)
  mkdirSync(objects, { recursive: true })
  mkdirSync(folder, { recursive: true })
  const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include')
  const extra = sanitize ? ['-fsanitize=address,undefined', '-g', '-fno-sanitize-recover=undefined'] : []
  const compile = (source, flags) => {
    const object = join(objects, `${source.replaceAll('/', '-')}.o`)
    execFileSync(compiler, [...common, ...extra, ...flags, `-I${headers}`, '-c', join(native, source), '-o', object], {
      stdio: 'inherit',
    })
    return object
  }
  const plain = [
    'training.cc',
    'training-conditioning.cc',
    'reference.cc',
    'pool.cc',
    'targets.cc',
    'forward-weights.cc',
    'conditioner.cc',
    'stream.cc',
  ]
  const files = [...plain, ...(test ? ['test/training.cc'] : ['binding.cc', 'stream-binding.cc'])].map(source =>
    compile(source, []),
  )
  for (const [name, flags] of Object.entries(instructionSets[architecture] ?? { baseline: [] })) {
    files.push(compile(`targets/${name}.cc`, flags))
  }
  const link = test
    ? extra
    : [
        '-shared',
        '-s',
        '-static-libstdc++',
        '-static-libgcc',
        ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
      ]
  execFileSync(compiler, [...link, ...files, '-o', `${result}.new`, '-lpthread'], { stdio: 'inherit' })
  renameSync(`${result}.new`, result)
  return result
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = name => {
    const at = process.argv.indexOf(name)
    return at < 0 ? undefined : process.argv[at + 1]
  }
  const test = process.argv.includes('--test')
  const result = buildNative({
    target: option('--target'),
    compiler: option('--compiler'),
    test,
    sanitize: process.argv.includes('--sanitize'),
  })
  if (result === null) process.exitCode = 1
  else if (test) execFileSync(result, { stdio: 'inherit' })
}
