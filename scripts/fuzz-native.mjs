// Fuzzes the native engine's entry points with libFuzzer, under AddressSanitizer and UndefinedBehaviorSanitizer
// (native/fuzz/). It needs clang with its compiler-rt. Without clang it prints a note and exits with status 0.
// usage: npm run fuzz:native [-- --seconds 60] [--seed 1] [--jobs 1] [--repeat FILE]
//   --repeat FILE   run one input that was found before
// Inputs that reached new code stay in build/fuzz/corpus for the next run. Inputs that failed lie beside them.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile, root } from './compile.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    repeat: { type: 'string' },
  },
})
if (![values.seconds, values.seed, values.jobs].every(value => Number.isInteger(Number(value)))) {
  console.error('--seconds, --seed and --jobs are numbers')
  process.exit(2)
}

/** The first clang that links libFuzzer, or null. */
function clangWithFuzzer() {
  const scratch = mkdtempSync(join(tmpdir(), 'diffwave-clang-'))
  const source = join(scratch, 'probe.cc')
  writeFileSync(source, 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }')
  const links = name =>
    spawnSync(name, ['-fsanitize=fuzzer,address', source, '-o', join(scratch, 'probe')]).status === 0
  const found = [process.env.CXX, 'clang++', 'clang++-14'].find(name => name?.includes('clang') && links(name))
  rmSync(scratch, { recursive: true })
  return found ?? null
}

const compiler = clangWithFuzzer()
if (compiler === null) {
  console.log('fuzz:native: skipped, there is no clang with libFuzzer (Debian: clang and libclang-rt-dev)')
  process.exit(0)
}
compile('tsconfig.json')
const { buildAddon } = await import('../dist/engines/native/build.js')
const folder = join(root, 'build', 'fuzz')
const program = await buildAddon({ compiler, what: 'fuzz', sanitize: 'address', out: join(folder, 'native') })
const corpus = join(folder, 'corpus')
mkdirSync(corpus, { recursive: true })
const options = [
  `-max_total_time=${values.seconds}`,
  `-seed=${values.seed}`,
  '-max_len=2000',
  '-len_control=0',
  '-timeout=20',
  '-rss_limit_mb=2048',
  '-print_final_stats=1',
  `-artifact_prefix=${folder}/`,
  ...(Number(values.jobs) > 1 ? [`-fork=${values.jobs}`] : []),
]
const { status } = spawnSync(program, values.repeat === undefined ? [...options, corpus] : [values.repeat], {
  stdio: 'inherit',
  // An allocation that is too large throws an exception, as without the sanitizer.
  env: { ...process.env, ASAN_OPTIONS: 'allocator_may_return_null=1:detect_leaks=1' },
})
process.exitCode = status ?? 1
