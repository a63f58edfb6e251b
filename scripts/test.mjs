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
compile('test/tsconfig.json')

/** Test files that take longest. They start first, so that none of them runs alone at the end. */
const longest = [
  'docs/docs',
  'server/redis/redis-jobs',
  'studio/page',
  'engines/tensorflow/cpu',
  'export/onnx',
  'engines/tensorflow/engine',
  'server/redis/workers',
  'training/run/kill',
  'engines/wasm/engine',
  'examples',
  'browser/page',
  'export/onnx-browser',
  'studio/static',
  'packaging/package',
  'browser/demo',
  'interop/trainer',
]
/**
 * Folders whose files run in one process each. They are many short ones that need the same modules: to start Node.js
 * and to load the modules takes as long as the tests. None of them changes anything of the process.
 */
const together = ['audio', 'data-domain', 'diffusion', 'evaluation', 'formats', 'repair']
/** One process per core, plus one for tests that only wait. More would need too much memory on a small machine. */
const concurrency = Math.min(availableParallelism(), 8) + 1

const words = process.argv.slice(2)
const rank = file => longest.findIndex(name => file.endsWith(join(`${name}.test.js`))) + 1 || Infinity
const wanted = readdirSync(folder, { recursive: true })
  .filter(file => file.endsWith('.test.js'))
  .filter(file => words.length === 0 || words.some(word => file.includes(word)))
  .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
const groups = together.flatMap(name => {
  const members = wanted.filter(file => file.startsWith(name + sep))
  const imports = members.map(file => `import './${file.replaceAll(sep, '/')}'\n`)
  writeFileSync(join(folder, `${name}.js`), imports.join(''))
  return members.length === 0 ? [] : [`${name}.js`]
})
const apart = wanted.filter(file => !together.includes(file.split(sep)[0]))
const isLong = file => rank(file) < Infinity
const files = [...apart.filter(isLong), ...groups, ...apart.filter(file => !isLong(file))]

const count = { passed: 0, failed: 0, skipped: 0 }
const stream = run({ files: files.map(file => join(folder, file)), concurrency })
stream.on('test:pass', event => {
  if (event.details.type === 'suite') return
  if (event.skip !== undefined || event.todo !== undefined) count.skipped++
  else count.passed++
})
stream.on('test:fail', event => {
  if (event.details.type !== 'suite') count.failed++
})
await pipeline(stream, new spec(), process.stdout, { end: false })
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1
