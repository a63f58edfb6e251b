// Builds what is missing, runs the tests and prints `N passed, N failed, N skipped` at the end.
// usage: npm test [-- WORD …]    only test files whose path contains one of the words
import { readdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { build } from './build.mjs'
import { compile, removeOrphans, root } from './compile.mjs'

await build({ ifMissing: true })
const folder = join(root, 'build', 'test')
removeOrphans(folder, join(root, 'test'))
// `npm run check` checks the types of tests, which takes longer than to compile them.
compile('test/tsconfig.json', '--noCheck')

/**
 * Files that run in one process, as the beginnings of their paths. They need the same modules, the same browser or the
 * same thread of commands, and to start those takes as long as most tests. None of them changes anything of its
 * process. A file belongs to the first group that names it.
 */
const together = {
  pages: [
    ...['studio/page', 'studio/static', 'studio/report', 'browser/'],
    ...['packaging/browser-bundle', 'packaging/bundle', 'packaging/package'],
  ],
  // They share a Python that has imported PyTorch, which takes five seconds.
  interop: ['interop/', 'export/weights', 'formats/pytorch-writer'],
  onnx: ['export/onnx'],
  cpu: ['engines/tensorflow/cpu'],
  tensorflow: ['engines/tensorflow/'],
  // Only these change something of their process: a flag of V8.
  wasm: ['engines/wasm/', 'engines/native/frame-chain'],
  native: ['engines/'],
  audio: ['audio/'],
  cli: ['cli/'],
  core: ['core/', 'architecture', 'docs/', 'hostile/', 'native-layout', 'packaging/deploy', 'scripts/'],
  evaluation: ['data-domain/', 'evaluation/'],
  formats: ['diffusion/', 'export/triton', 'formats/', 'packaging/licences', 'packaging/scripts'],
  // Every test of them starts a server.
  remote: ['model/remote/hostile-servers', 'model/remote/remote-model'],
  model: ['denoiser/', 'generator', 'model/', 'tuning/', 'vocoder'],
  // They start processes, and mainly wait.
  runs: ['training/run/disk-full', 'training/run/kill', 'training/run/lock'],
  redis: ['server/redis/redis-jobs', 'server/redis/workers'],
  server: ['server/'],
  studio: ['studio/'],
  synthesis: ['repair/', 'synthesis/'],
  training: ['trainer', 'training/'],
}
/** Files that run alone: they take long, change or measure their process, or prepare every test in it. */
const alone = [
  ...['cli/download', 'cli/ending', 'denoiser/load-model', 'docs/docs'],
  ...['engines/native/buffers', 'engines/native/free-memory', 'engines/native/stream-memory'],
  ...['studio/engine-client', 'studio/views', 'synthesis/stream-memory'],
]
/** Groups and files that take longest. They start first, so that none of them runs alone at the end. */
const longest = [
  'pages',
  'interop',
  'onnx',
  'cli',
  'redis',
  'docs/docs',
  'native',
  'wasm',
  'tensorflow',
  'synthesis',
  'cpu',
  'core',
  'server',
  'formats',
  'evaluation',
  'audio',
  'training',
  'model',
  'examples',
  'cli/ending',
  'runs',
  'fuzz/fuzz',
  'remote',
]
/** One process per core, plus one for tests that only wait. More would need too much memory on a small machine. */
const concurrency = Math.min(availableParallelism(), 8) + 1

const words = process.argv.slice(2)
const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.test.js'))
  .map(file => file.slice(0, -'.test.js'.length).replaceAll(sep, '/'))
  .filter(name => words.length === 0 || words.some(word => name.includes(word)))
  .sort()
/** The files that each process runs, by the name of the group or of its only file. */
const processes = new Map()
for (const name of names) {
  const groups = alone.includes(name) ? [] : Object.keys(together)
  const key = groups.find(group => together[group].some(start => name.startsWith(start))) ?? name
  processes.set(key, [...(processes.get(key) ?? []), name])
}
/** Title of a test that is not counted: it holds back all others of a group until its files are loaded. */
const LOADED = 'all files of the group are loaded'
/**
 * The program of a group. Without that test, hooks `after` would run once the tests known so far have ended, while a
 * later file still awaits its service or its Python.
 */
const groupProgram = members =>
  [
    "import { test } from 'node:test'",
    'let finish',
    'const loaded = new Promise(resolve => { finish = resolve })',
    `test('${LOADED}', () => loaded)`,
    ...members.map(name => `await import('./${name}.test.js')`),
    'finish()',
    '',
  ].join('\n')
const rank = key => longest.indexOf(key) + 1 || Infinity
const files = [...processes.keys()]
  .sort((a, b) => rank(a) - rank(b) || processes.get(b).length - processes.get(a).length)
  .map(key => {
    const members = processes.get(key)
    if (members.length === 1) return join(folder, `${members[0]}.test.js`)
    writeFileSync(join(folder, `${key}.js`), groupProgram(members))
    return join(folder, `${key}.js`)
  })

const count = { passed: 0, failed: 0, skipped: 0 }
const stream = run({ files, concurrency })
stream.on('test:pass', event => {
  if (event.details.type === 'suite' || event.name === LOADED) return
  if (event.skip !== undefined || event.todo !== undefined) count.skipped++
  else count.passed++
})
stream.on('test:fail', event => {
  if (event.details.type !== 'suite') count.failed++
})
await pipeline(stream, new spec(), process.stdout, { end: false })
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1
