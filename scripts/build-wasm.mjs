// Compiles the kernels of native/ for WebAssembly into prebuilds/wasm/, once with SIMD and once with relaxed SIMD, and
// writes the hash of their sources beside them. The binaries are committed: run this after every change to native/.
// usage: npm run build:wasm [-- --check]
// --check: only checks that the binaries were built from the present sources (exit status 1 if not)
// The compiler is zig, pinned to one version: `pip install ziglang==0.17.1`, or $ZIG.
import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const native = join(root, 'native')
const folder = join(root, 'prebuilds', 'wasm')

/** The version of zig, and thus of clang and libc++. Another version may produce other bytes. */
const ZIG_VERSION = '0.17.1'

/** The instructions of each binary besides those that all browsers with SIMD support. */
const variants = { simd128: '', 'relaxed-simd': '+relaxed_simd' }

/** In every browser they are older than SIMD, so that no browser is excluded. */
const features =
  'generic+simd128+exception_handling+bulk_memory+atomics+nontrapping_fptoint+sign_ext+mutable_globals+multivalue'

/** The address space without its last page of 64 KiB. The memory of an instance sets its actual limit. */
const MAX_MEMORY = 65535 * 65536
const STACK_SIZE = 1 << 20

const compileFlags = [
  ...['-std=c++17', '-O3', '-ffp-contract=off', '-fwasm-exceptions', '-fvisibility=hidden', '-ffunction-sections'],
  ...['-Wall', '-Wextra', '-Wno-c++11-narrowing', '-DNDEBUG'],
]
/** More flags of a folder of native/. The binding only reads arguments, so it need not be fast. Every page loads it. */
const folderFlags = { binding: ['-Os'] }
const flagsOf = name => folderFlags[name.split('/')[0]] ?? []
const exported = [
  ...['napi_register_module_v1', 'malloc', 'free', 'diffwaveOfferThreads', 'diffwaveThread'],
  ...['__stack_pointer', '__wasm_init_tls', '__tls_size', '__tls_align'],
]
const linkFlags = [
  ...['-mexec-model=reactor', '-O3', '-s', '-fwasm-exceptions'],
  ...['--import-memory', '--shared-memory', `--max-memory=${MAX_MEMORY}`, '--export-table', '--gc-sections'],
  '--import-symbols',
  ...exported.map(name => `--export=${name}`),
  ...['-z', `stack-size=${STACK_SIZE}`],
]

/** Sources of libc++abi and libunwind, in zig's folder, because zig's own builds have no exceptions. */
const exceptionSources = {
  'libcxxabi/src/cxa_exception.cpp': ['-std=c++23'],
  'libcxxabi/src/cxa_personality.cpp': ['-std=c++23'],
  'libunwind/src/Unwind-wasm.c': ['-D_LIBUNWIND_HIDE_SYMBOLS', '-fdeclspec'],
}

function filesBelow(path) {
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).map(name => name.replaceAll(sep, '/'))
}

/**
 * Files that the binaries do not need: separate programs, code for other processors, and what only the addon's callers
 * call: the optimiser, audio losses, and the arithmetic around a windowed front end. Jobs do not outlast their calls.
 */
const others = [
  /^(test|fuzz)\//,
  /^platform\/[^/]+$/,
  /^targets\/(?!wasm|target)/,
  /^kernels\/(amx|residual-layer-amx|spectral-term|correction-gradient|optimiser\.h|normal|elementary)/,
  /^kernels\/(envelope|window-filter|minimum-phase)/,
  /^(binding|training)\/(audio-loss|optimiser|front-end)/,
  /^binding\/running-jobs\.cc/,
]

/** The files of native/ that are compiled into the binaries. */
function sources() {
  return filesBelow(native)
    .filter(name => /\.(cc|h)$/.test(name) && !others.some(other => other.test(name)))
    .sort()
}

/** Computes the SHA-256 of the sources and of the compiler's options. */
export function sourceHash() {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([ZIG_VERSION, features, variants, compileFlags, folderFlags, linkFlags, exceptionSources]))
  for (const name of sources()) {
    hash.update(`\0${name}\0`)
    hash.update(readFileSync(join(native, name)))
  }
  return hash.digest('hex')
}

/** The hash of the binaries' sources, and the hashes of the binaries: prebuilds/wasm/built-from.json. */
export function builtFrom() {
  const path = join(folder, 'built-from.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
}

export const binaryPath = variant => join(folder, `${variant}.wasm`)

/** @returns {never} */
function fail(message) {
  console.error(`build-wasm: ${message}`)
  process.exit(1)
}

/** The command that runs zig, as an array. */
function findZig() {
  const candidates = process.env.ZIG === undefined ? [['zig'], ['python3', '-m', 'ziglang']] : [[process.env.ZIG]]
  for (const command of candidates) {
    const { status, stdout } = spawnSync(command[0], [...command.slice(1), 'version'], { encoding: 'utf8' })
    if (status === 0 && stdout.trim() === ZIG_VERSION) return command
  }
  return fail(`zig ${ZIG_VERSION} is not installed. Install it with: pip install ziglang==${ZIG_VERSION}`)
}

/**
 * Runs `body` for all items, in parallel on all cores.
 *
 * @template Item
 * @param {readonly Item[]} items
 * @param {(item: Item) => Promise<void>} body
 */
async function eachOf(items, body) {
  const left = [...items]
  const work = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await body(item)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}

/**
 * The files to compile, in the order in which they are linked, each with flags of its own.
 *
 * @param library zig's folder of libraries
 */
function filesToCompile(library) {
  const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include')
  const own = sources()
    .filter(name => name.endsWith('.cc'))
    .map(name => {
      const flags = [...flagsOf(name), '-I', join(native, 'platform/wasm'), '-I', headers]
      return { path: join(native, name), flags }
    })
  const borrowed = Object.entries(exceptionSources).map(([name, more]) => {
    const cxx = ['libcxxabi/include', 'libcxx/include', 'libcxx/src'].filter(() => name.endsWith('.cpp'))
    const includes = [...cxx, 'libunwind/include'].flatMap(path => ['-I', join(library, path)])
    const building = ['-D_LIBCXXABI_BUILDING_LIBRARY', '-D_LIBCPP_BUILDING_LIBRARY', '-D_LIBCXXABI_HAS_NO_THREADS']
    return { path: join(library, name), flags: [...includes, ...building, ...more, '-w'] }
  })
  // Replacements for parts of zig's libraries come first, because the linker uses the first definition of a symbol.
  const replaces = ({ path }) => path.startsWith(join(native, 'platform'))
  return [...own.filter(replaces).reverse(), ...borrowed, ...own.filter(file => !replaces(file))]
}

async function build() {
  const zig = findZig()
  const run = async args => {
    try {
      await promisify(execFile)(zig[0], [...zig.slice(1), ...args], { maxBuffer: 1 << 26 })
    } catch (error) {
      fail(`zig ${args.slice(0, 1)} failed:\n${error.stderr}`)
    }
  }
  const environment = spawnSync(zig[0], [...zig.slice(1), 'env'], { encoding: 'utf8' }).stdout
  const library = /lib_dir"?\s*[=:]\s*"([^"]+)"/.exec(environment)?.[1] ?? fail('zig env names no lib_dir')
  const files = filesToCompile(library)
  mkdirSync(folder, { recursive: true })
  const hash = sourceHash()
  const binaries = {}
  for (const [variant, extra] of Object.entries(variants)) {
    const objects = mkdtempSync(join(tmpdir(), 'diffwave-wasm-'))
    try {
      const target = ['-target', 'wasm32-wasi', `-mcpu=${features}${extra}`]
      const objectOf = path =>
        join(objects, `${path.slice(path.startsWith(native) ? native.length : 0).replaceAll('/', '-')}.o`)
      await eachOf(files, async ({ path, flags }) => {
        const general = path.endsWith('.c') ? compileFlags.filter(flag => !flag.startsWith('-std')) : compileFlags
        await run([
          path.endsWith('.c') ? 'cc' : 'c++',
          ...target,
          ...general,
          ...flags,
          '-c',
          path,
          '-o',
          objectOf(path),
        ])
      })
      const linker = linkFlags.map(flag => (flag.startsWith('--') ? `-Wl,${flag}` : flag))
      await run(['c++', ...target, ...linker, '-o', binaryPath(variant), ...files.map(({ path }) => objectOf(path))])
    } finally {
      rmSync(objects, { recursive: true, force: true })
    }
    const bytes = readFileSync(binaryPath(variant))
    binaries[basename(binaryPath(variant))] = createHash('sha256').update(bytes).digest('hex')
    console.error(`${variant}: ${Math.round(bytes.length / 1000)} kB`)
  }
  writeFileSync(join(folder, 'built-from.json'), `${JSON.stringify({ sources: hash, binaries }, null, 2)}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes('--check')) await build()
  else if (builtFrom().sources !== sourceHash()) fail('the binaries are stale. Build them again: npm run build:wasm')
}
