/**
 * Compiles the native engine from the sources in native/ into prebuilds/<platform>-<arch>/diffwave.node: plain g++ or
 * clang with the headers of the npm package `node-api-headers`. Nothing is downloaded.
 */
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { checkFolder, makeFolder } from '../../core/make-folder.js'
import { abortSignal, check } from '../../core/options.js'
import { nativeTarget } from './target.js'

const optionsSchema = z.strictObject({
  /** As `nativeTarget` names them. Default: this one. */
  target: z
    .string()
    .regex(/^[a-z0-9]+-[a-z0-9]+(-musl)?$/)
    .optional(),
  /** Default: the first of g++, c++ and clang++ that is there. */
  compiler: z.string().min(1).optional(),
  /** The addon, the test program of native/test/, or libFuzzer's of native/fuzz/ (clang only). */
  what: z.enum(['addon', 'test', 'fuzz']).default('addon'),
  /** `address` includes UndefinedBehaviorSanitizer. Default: none. */
  sanitize: z.enum(['address', 'thread']).optional(),
  /** Where the result goes; default: where the engine looks for it. */
  out: z.string().min(1).optional(),
  signal: abortSignal.optional(),
})

export type BuildAddonOptions = Readonly<z.input<typeof optionsSchema>>

const avx512 = ['-mavx512f', '-mavx512dq', '-mavx2', '-mfma', '-mprefer-vector-width=512']

/** Flags of each instruction set's file in native/targets/; the rest is compiled for the architecture's baseline. */
const instructionSets: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  x64: {
    amx: [...avx512, '-mavx512bw', '-mavx512vl', '-mavx512bf16', '-mamx-tile', '-mamx-bf16'],
    avx512,
    avx512bf16: [...avx512, '-mavx512bw', '-mavx512vl', '-mavx512bf16'],
    avx2: ['-mavx2', '-mfma'],
    avx2x16: ['-mavx2', '-mfma'],
    baseline: [],
  },
  arm64: { neon: [], neonbf16: ['-march=armv8.2-a+bf16'], baseline: [] },
}

/** No processor is best served by this set, and it is a third of the addon: the test programs alone contain it. */
const ONLY_FOR_TESTS = 'avx2x16'

/** What tells native/targets/targets.cc that a set which may be left out is there. */
const definitions = { amx: '-DDIFFWAVE_WITH_AMX', [ONLY_FOR_TESTS]: '-DDIFFWAVE_WITH_AVX2X16' } as const

const sanitizerFlags = {
  address: ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-g', '-O2'],
  thread: ['-fsanitize=thread', '-g', '-O2'],
} as const

/** The test that takes the flags of `avx512bf16`, if there are any. */
const EMULATED_AMX = 'test/emulated-amx.cc'

/** Folders of native/ that a result does without. */
const leftOut = { addon: ['test/', 'fuzz/'], test: ['binding/', 'fuzz/'], fuzz: ['test/'] } as const

const commonFlags = [
  '-std=c++17',
  '-O3',
  '-ffp-contract=off',
  '-fPIC',
  '-fvisibility=hidden',
  '-ffunction-sections',
  '-fdata-sections',
  '-Wall',
  '-Wextra',
  '-Wno-psabi',
]

/** Functions that native/platform/old-glibc.cc replaces. */
const oldGlibc = [
  'pthread_create',
  'pthread_join',
  'pthread_once',
  '__pthread_key_create',
  'exp',
  'pow',
  'log',
  'arc4random',
  '__libc_single_threaded',
  '_dl_find_object',
]

/** Leaves out functions that nothing calls: an eighth of the file. */
const withoutUnused = (platform: string) => (platform === 'darwin' ? '-Wl,-dead_strip' : '-Wl,--gc-sections')

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Where the engine looks for its addon. */
export function addonPath(target = nativeTarget()): string {
  return join(root, 'prebuilds', target, 'diffwave.node')
}

/** The given compiler, or the first that is there. @throws DiffWaveError `ENGINE_UNAVAILABLE` */
function findCompiler(wanted: string | undefined): string {
  const candidates = wanted === undefined ? ['g++', 'c++', 'clang++'] : [wanted]
  const found = candidates.find(name => spawnSync(name, ['--version']).status === 0)
  if (found !== undefined) return found
  throw new DiffWaveError('ENGINE_UNAVAILABLE', 'the native engine cannot be built: there is no C++ compiler', {
    expected: wanted ?? 'g++, c++ or clang++',
    hint: 'Install one (Debian: g++, macOS: xcode-select --install); the wasm engine needs none.',
  })
}

/** What is built, and for which system. */
interface Build extends Pick<z.output<typeof optionsSchema>, 'what' | 'sanitize'> {
  readonly compiler: string
  readonly platform: string
  readonly architecture: string
  /** Whether the system has glibc. */
  readonly glibc: boolean
}

/** Flags of the instruction sets that are built, by name. */
function includedSets({ what, compiler, platform, architecture }: Build): ReadonlyMap<string, readonly string[]> {
  // AMX needs Linux (a process must request it) and a compiler that knows it: g++ 11, clang 12.
  const sets = Object.entries(instructionSets[architecture] ?? { baseline: [] })
    .filter(([name, flags]) => name !== 'amx' || (platform === 'linux' && knowsFlags(compiler, flags)))
    .filter(([name]) => what !== 'addon' || name !== ONLY_FOR_TESTS)
  return new Map(sets)
}

/** The source files below native/, each with the flags that it alone is compiled with. */
function sourceFiles(build: Build, sets: ReturnType<typeof includedSets>): (readonly [string, readonly string[]])[] {
  const { what, compiler, glibc } = build
  const bfloat16 = sets.get('avx512bf16')
  const vectorFlags = bfloat16 !== undefined && knowsFlags(compiler, bfloat16) ? bfloat16 : []
  return [
    ...sourcesIn(join(root, 'native'))
      .filter(name => !isInstructionSet(name) && !leftOut[what].some(folder => name.startsWith(folder)))
      .filter(name => !name.startsWith('platform/wasm/') && (glibc || name !== 'platform/old-glibc.cc'))
      .map(name => [name, name === EMULATED_AMX ? vectorFlags : []] as const),
    ...[...sets].map(([name, flags]) => [`targets/${name}.cc`, flags] as const),
  ]
}

function linkFlags({ what, sanitize, platform, glibc }: Build): string[] {
  return [
    ...(what === 'addon' ? ['-shared'] : []),
    ...(platform === 'darwin' && what === 'addon' ? ['-undefined', 'dynamic_lookup'] : []),
    ...(platform !== 'darwin' && sanitize === undefined ? ['-s', '-static-libstdc++', '-static-libgcc'] : []),
    ...(sanitize === undefined ? [withoutUnused(platform)] : []),
    // What the static C++ library would export.
    ...(glibc && sanitize === undefined ? ['-Wl,--exclude-libs,ALL'] : []),
    ...(glibc && sanitize === undefined ? oldGlibc.map(name => `-Wl,--wrap=${name}`) : []),
  ]
}

/**
 * Builds the addon or a test program.
 *
 * @returns the path of what was built
 * @throws DiffWaveError `ENGINE_UNAVAILABLE` (no compiler, no headers, or it does not compile), `BAD_OPTION`,
 * `NOT_WRITABLE`, `NOT_A_DIRECTORY`, `ABORTED`
 */
export async function buildAddon(options: BuildAddonOptions = {}): Promise<string> {
  const checked = check(optionsSchema, options, 'buildAddon options')
  const { target = nativeTarget(), what, sanitize, signal } = checked
  const [platform, architecture, library] = target.split('-') as [string, string, string?]
  const compiler = findCompiler(checked.compiler)
  const glibc = platform === 'linux' && library !== 'musl'
  const build: Build = { what, sanitize, compiler, platform, architecture, glibc }
  const sets = includedSets(build)
  const files = sourceFiles(build, sets)
  const defined = Object.entries(definitions).flatMap(([name, flag]) => (sets.has(name) ? [flag] : []))
  const sanitizers = [
    ...(sanitize === undefined ? [] : sanitizerFlags[sanitize]),
    ...(what === 'fuzz' ? ['-fsanitize=fuzzer'] : []),
  ]
  const result = checked.out ?? addonPath(target)
  // Compiling takes minutes.
  await checkFolder(dirname(result))
  const objects = await mkdtemp(join(tmpdir(), 'diffwave-build-'))
  const fresh = `${result}.${process.pid}.new`
  try {
    const flags = [...commonFlags, ...sanitizers, ...defined, `-I${headersFolder()}`]
    const objectOf = (source: string) => join(objects, `${source.replaceAll('/', '-')}.o`)
    await eachOf(files, async ([source, own]) => {
      await compile(compiler, [...flags, ...own, '-c', join(root, 'native', source), '-o', objectOf(source)], signal)
    })
    await makeFolder(dirname(result))
    const link = [...sanitizers, ...linkFlags(build)]
    await compile(compiler, [...link, ...files.map(([source]) => objectOf(source)), '-o', fresh, '-lpthread'], signal)
    await rename(fresh, result)
    return result
  } finally {
    await rm(objects, { recursive: true, force: true })
    await rm(fresh, { force: true })
  }
}

/** All .cc files below a folder, as paths from it with slashes. */
function sourcesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.cc'))
  return names.map(name => name.replaceAll(sep, '/')).sort()
}

/** Whether a source is one of an instruction set: compiled with that set's own flags, if at all. */
function isInstructionSet(source: string): boolean {
  return source.startsWith('targets/') && source !== 'targets/targets.cc'
}

function knowsFlags(compiler: string, flags: readonly string[]): boolean {
  // zig writes a file for all that.
  return spawnSync(compiler, [...flags, '-fsyntax-only', '-x', 'c++', '/dev/null'], { cwd: tmpdir() }).status === 0
}

function headersFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include')
  } catch (cause) {
    throw new DiffWaveError('ENGINE_UNAVAILABLE', 'the native engine cannot be built: node-api-headers is missing', {
      hint: 'npm install node-api-headers',
      cause,
    })
  }
}

/** Runs `body` over all items, a few at a time. After a failure no more are started, and those under way end first. */
async function eachOf<Item>(items: readonly Item[], body: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items]
  const work = async () => {
    try {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await body(item)
    } finally {
      left.length = 0
    }
  }
  const results = await Promise.allSettled(Array.from({ length: Math.min(availableParallelism(), 8) }, work))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

function compile(compiler: string, args: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(compiler, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(signal === undefined ? {} : { signal }),
    })
    let messages = ''
    child.stderr.on('data', data => {
      messages += String(data)
    })
    child.on('error', cause => {
      const code = signal?.aborted ? 'ABORTED' : 'ENGINE_UNAVAILABLE'
      reject(new DiffWaveError(code, `the compiler did not run: ${cause.message}`, { where: compiler, cause }))
    })
    child.on('close', status => {
      if (status === 0) return resolve()
      const line = messages.split('\n').find(text => /error|undefined/i.test(text)) ?? `exit status ${status}`
      const cause = new Error(messages)
      reject(new DiffWaveError('ENGINE_UNAVAILABLE', `the native engine does not compile: ${line.trim()}`, { cause }))
    })
  })
}
