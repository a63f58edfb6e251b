/** The layout of src: which folder may import which, and which may use TensorFlow.js, the terminal and chance. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { inRepository } from './support/paths.js'

const src = inRepository('src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const text = (file: string) => readFileSync(join(src, file), 'utf8')
const specifiers = (file: string) => [...text(file).matchAll(/(?:from|import)\s*\(?'([^']+)'/g)].map(match => match[1]!)

/** The folders that each folder of src may import from, besides itself. Files at the root of src are `.`. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  audio: ['core'],
  formats: ['audio', 'core'],
  model: ['formats', 'audio', 'core'],
  'data-domain': ['model', 'audio', 'core'],
  diffusion: ['model', 'audio', 'core'],
  engines: ['model', 'audio', 'core'],
  denoiser: ['engines', 'data-domain', 'diffusion', 'model', 'audio', 'core'],
  synthesis: ['denoiser', 'engines', 'diffusion', 'data-domain', 'model', 'audio', 'core'],
  repair: ['synthesis', 'denoiser', 'diffusion', 'data-domain', 'model', 'audio', 'core'],
  export: ['diffusion', 'data-domain', 'model', 'formats', 'audio', 'core'],
  evaluation: ['formats', 'audio', 'core'],
  tuning: ['evaluation', 'synthesis', 'denoiser', 'diffusion', 'model', 'audio', 'core'],
  training: ['synthesis', 'denoiser', 'engines', 'diffusion', 'data-domain', 'model', 'formats', 'audio', 'core'],
  '.': [
    ...['training', 'tuning', 'evaluation', 'export', 'repair', 'synthesis', 'denoiser', 'engines', 'diffusion'],
    ...['model', 'formats', 'audio', 'core'],
  ],
  browser: ['.', 'denoiser', 'engines', 'model', 'formats', 'repair', 'synthesis', 'audio', 'core'],
  server: [
    ...['.', 'evaluation', 'synthesis', 'denoiser', 'engines', 'diffusion', 'model', 'formats'],
    ...['audio', 'core'],
  ],
  cli: [
    ...['.', 'server', 'tuning', 'training', 'evaluation', 'export', 'synthesis', 'denoiser', 'engines', 'diffusion'],
    ...['model', 'formats', 'audio', 'core'],
  ],
}

const folderOf = (file: string) => (file.includes('/') ? file.split('/')[0]! : '.')
/** Files that an import may mean: a port of `#platform/` has one for Node.js and one for browsers. */
const targets = (file: string, name: string): readonly string[] => {
  if (name.startsWith('.')) return [relative(src, join(src, dirname(file), name)).replace(/\.js$/, '.ts')]
  const port = /^#platform\/(.*)$/.exec(name)?.[1]
  return port === undefined ? [] : [`${port}.ts`, `${port}.browser.ts`]
}
const imports = (file: string) => specifiers(file).flatMap(name => targets(file, name))
/** Imports that are there when the program runs. */
const valueSpecifiers = (file: string) =>
  [...text(file).matchAll(/^(?:(?:import|export) (?!type )[^(]*?from |import )'([^']+)'|\bimport\('([^']+)'\)/gms)].map(
    match => match[1] ?? match[2]!,
  )

test('every folder imports exactly the folders it may', () => {
  const used: Record<string, Set<string>> = {}
  for (const file of files) {
    const from = folderOf(file)
    assert.ok(from in allowed, `unknown folder of ${file}`)
    used[from] ??= new Set()
    for (const target of imports(file)) {
      const to = folderOf(target)
      if (to === from) continue
      assert.ok(allowed[from]!.includes(to), `${file} imports ${target}`)
      used[from]!.add(to)
    }
  }
  for (const [from, targets] of Object.entries(allowed)) {
    assert.deepEqual([...used[from]!].sort(), [...targets].sort(), `the list of ${from} is not exact`)
  }
})

test('what runs on every engine imports no file of a particular one', () => {
  const isOfOne = (file: string) => /^engines\/[^/]+\//.test(file)
  const outside = files.filter(file => folderOf(file) !== 'engines')
  const found = outside.filter(file => imports(file).some(isOfOne)).sort()
  // The program of the page's worker, and the command that compiles the native engine.
  assert.deepEqual(found, ['browser/worker.ts', 'cli/actions/build-native.ts'])
})

test('no file imports itself through others', () => {
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    assert.ok(!path.includes(file), `circle: ${[...path, file].join(' → ')}`)
    if (done.has(file)) return
    for (const target of imports(file)) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
})

test('the root of src holds only the public classes and the index', () => {
  assert.deepEqual(files.filter(file => folderOf(file) === '.').sort(), [
    'generator.ts',
    'index.ts',
    'trainer.ts',
    'vocoder.ts',
  ])
})

describe('the browser entry', () => {
  const isFile = (name: string) => name.endsWith('.ts')
  const reached = new Set<string>()
  const visit = (file: string) => {
    if (reached.has(file)) return
    reached.add(file)
    if (!isFile(file)) return
    for (const name of valueSpecifiers(file)) visit(targets(file, name).at(-1) ?? name)
  }
  for (const file of files.filter(file => folderOf(file) === 'browser')) visit(file)

  test('reaches no module of Node.js, and only packages that a page can load', () => {
    assert.ok(reached.has('vocoder.ts') && reached.has('engines/wasm/worker-program.ts'))
    assert.deepEqual([...reached].filter(name => !isFile(name)).sort(), ['fflate', 'fft.js', 'wavefile', 'zod'])
  })

  test('is the only entry that reaches browser files', () => {
    for (const file of files.filter(file => !reached.has(file))) {
      assert.ok(!imports(file).some(name => name.endsWith('.browser.ts') && !hasPort(file, name)), file)
    }
  })

  test('finds the same functions in both files of a port', () => {
    const functions = (file: string) =>
      [...text(file).matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].map(match => match[1]!)
    const ports = new Set(files.flatMap(file => specifiers(file).filter(name => name.startsWith('#platform/'))))
    assert.ok(ports.size > 0)
    for (const name of ports) {
      const [node, page] = targets('', name)
      for (const wanted of functions(page!)) assert.ok(functions(node!).includes(wanted), `${node} lacks ${wanted}`)
    }
  })

  const hasPort = (file: string, target: string) =>
    specifiers(file).some(name => name.startsWith('#platform/') && targets(file, name).includes(target))
})

/** What loads with a file, before it runs an `import()`: files of src, and names of packages. */
function loadedWith(entry: string): ReadonlySet<string> {
  const loaded = new Set<string>()
  const visit = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    if (!file.endsWith('.ts')) return
    const found = text(file).matchAll(/^(?:import|export) (?!type )(?:[^(']*? from )?'([^']+)'/gms)
    for (const [, name] of found) visit(targets(file, name!)[0] ?? name!)
  }
  visit(entry)
  return loaded
}

test('a thread of the wasm engine loads its program, and not the schemas of models', () => {
  assert.deepEqual([...loadedWith('engines/wasm/node-worker.ts')].sort(), [
    ...['core/any-realm.ts', 'core/defined.ts', 'core/errors.ts', 'engines/native/results.ts'],
    ...['instance', 'memory', 'node-api', 'node-worker', 'webassembly', 'worker-program'].map(
      name => `engines/wasm/${name}.ts`,
    ),
    'node:worker_threads',
  ])
})

describe('the library entry', () => {
  const loaded = loadedWith('index.ts')

  test('loads training, evaluation, ONNX, downloads and wasm only when they are used', () => {
    assert.ok(loaded.has('vocoder.ts') && loaded.has('engines/native/engine.ts'))
    const late = [
      ...['training/run/', 'training/objective/', 'training/optimiser/', 'evaluation/statistics/', 'audio/picture'],
      ...['export/onnx/graphs', 'model/remote/hub', 'model/remote/web', 'engines/wasm/create-engine'],
    ]
    const early = [...loaded].filter(name => late.some(start => name.startsWith(start)))
    assert.deepEqual(early, [])
    const modules = [...loaded].filter(name => name.endsWith('.ts'))
    assert.ok(modules.length <= 250, `${modules.length} modules`)
  })

  test('loads only these packages', () => {
    const packages = [...loaded].filter(name => !name.endsWith('.ts') && !name.startsWith('node:'))
    assert.deepEqual(packages.sort(), ['detect-libc', 'fflate', 'fft.js', 'wavefile', 'zod'])
  })
})

test('only its engine imports TensorFlow.js, and only the CLI uses the process', () => {
  for (const file of files) {
    if (!file.startsWith('engines/tensorflow/')) {
      assert.ok(!specifiers(file).some(name => name.startsWith('@tensorflow/')), file)
    }
    if (folderOf(file) !== 'cli') {
      // Examples in docstrings may print.
      const code = text(file).replace(/^ *\/\*\*[\s\S]*?\*\/$/gm, '')
      assert.doesNotMatch(code, /process\.(argv|exit|stdout|stderr|on)|console\./, file)
      assert.ok(!specifiers(file).some(name => ['commander', 'cli-progress', 'picocolors'].includes(name)), file)
    }
  }
})

test('the command line loads a command when it runs, and services only to serve', () => {
  const start = loadedWith('cli/main.ts')
  const wherever = (...folders: string[]) => [...start].filter(file => folders.some(name => file.startsWith(name)))
  assert.ok(start.has('cli/program.ts') && start.has('cli/commands/serve.ts'))
  assert.deepEqual(wherever('cli/actions/', 'server/', 'denoiser/', 'engines/', 'model/', 'training/'), [])
  const actions = files.filter(file => file.startsWith('cli/actions/'))
  const serving = actions.filter(file => [...loadedWith(file)].some(name => name.startsWith('server/')))
  assert.deepEqual(
    serving.sort(),
    ['serve', 'studio', 'worker'].map(name => `cli/actions/${name}.ts`),
  )
})

test('no file uses Math.random or default exports, and index.ts only re-exports', () => {
  for (const file of files) {
    assert.doesNotMatch(text(file), /Math\.random|export default/, file)
  }
  const statements = text('index.ts')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .split(/\n(?=export|import)/)
  for (const statement of statements.filter(line => line.trim() !== ''))
    assert.match(statement.trim(), /^export [\s\S]* from '/)
})

test('only model, data-domain and its export ask for the kind of data domain', () => {
  const exempt = (file: string) => file === 'export/onnx/domain.ts' || ['model', 'data-domain'].includes(folderOf(file))
  for (const file of files.filter(file => !exempt(file))) {
    assert.doesNotMatch(text(file), /prior\??\.kind|diffusion\.subbands [!=]==/, file)
  }
})
