/** The installed package is small, works offline, and says which packages are optional. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import webpack from 'webpack'
import { encodeNpy } from '#src/formats/npy'
import { fileList } from '#src/model/file-list'
import { programOf, runsBundle } from '../support/bundled-program.js'
import { inRepository } from '../support/paths.js'

/** Bytes of the tarball, which holds the binaries of all platforms when it is published. */
const MAX_TARBALL = 15.2e6
/** Compressed bytes of a native binary other than linux-x64's: 0.28 to 0.34 MB on arm64, 0.37 MB on x64. */
const BINARY = 0.37e6
/** Bytes of an installation with all that it depends on. */
const MAX_INSTALLED = 60e6

interface Packed {
  readonly name: string
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

const folder = mkdtempSync(join(tmpdir(), 'diffwave-package-'))
after(() => rmSync(folder, { recursive: true }))
const modules = join(folder, 'node_modules')

/** Packs packages of the repository. */
function pack(...paths: readonly string[]): readonly Packed[] {
  const args = ['pack', ...paths.map(inRepository), '--ignore-scripts', '--json', '--pack-destination', folder]
  return JSON.parse(execFileSync('npm', args, { encoding: 'utf8', cwd: folder }))
}

/** Unpacks a package as npm would install it. */
function install({ filename, name }: Packed): void {
  const into = join(modules, name)
  mkdirSync(into, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', into, '--strip-components=1'])
}

/** Folders of the packages that npm installs with this one, as the lock file has them. */
function dependencies(): readonly string[] {
  const lock = JSON.parse(readFileSync(inRepository('package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly peer?: boolean }>>
  }
  return Object.entries(lock.packages)
    .filter(([path, { dev, peer }]) => path !== '' && !dev && !peer)
    .map(([path]) => path)
}

function bytesOf(path: string): number {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  return entries.reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0)
}

const main = join(modules, 'diffwave/dist/cli/main.js')

/** Runs the installed command line without any of the environment's settings. */
function diffwave(...args: readonly string[]) {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, DIFFWAVE_OFFLINE: '1' }
  return spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8', env })
}

let packed: Packed
let music: Packed
before(() => {
  ;[packed, music] = pack('', 'models/music') as [Packed, Packed]
  install(packed)
  for (const path of dependencies()) {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? []
    if (name === undefined || !existsSync(inRepository(path))) continue
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(inRepository(path), join(modules, name))
  }
})

describe('the package', () => {
  test('fits into 15.2 MB with the binaries of eight platforms', () => {
    const binaries = packed.files.filter(({ path }) => path.endsWith('diffwave.node')).length
    assert.ok(packed.size + (8 - binaries) * BINARY <= MAX_TARBALL, `${packed.size} bytes, ${binaries} binaries`)
  })

  test('contains the speech model and the sources, and no training logs or tests', () => {
    const paths = packed.files.map(({ path }) => path)
    for (const path of ['models/speech/weights.safetensors', 'native/pool.cc', 'prebuilds/wasm/simd128.wasm']) {
      assert.ok(paths.includes(path), path)
    }
    const unwanted = paths.filter(path => /(^|\/)(test|fuzz|training|node_modules)\/|\.jsonl$/.test(path))
    assert.deepEqual(
      unwanted.filter(path => !/^(dist|native)\/training\//.test(path)),
      [],
    )
  })

  test('contains every module that its programs and threads load', () => {
    const root = join(modules, 'diffwave')
    const { sideEffects } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly sideEffects: readonly string[]
    }
    const missing = new Set<string>()
    const seen = new Set<string>()
    const visit = (file: string) => {
      if (seen.has(file)) return
      seen.add(file)
      if (!existsSync(file)) {
        missing.add(file)
        return
      }
      const text = readFileSync(file, 'utf8')
      for (const [, path] of text.matchAll(/(?:\bfrom|\bimport|\bimport\(|\bURL\()\s*['"](\.{1,2}\/[^'"]+\.js)['"]/g)) {
        visit(join(dirname(file), path!))
      }
      for (const [, path] of text.matchAll(/['"]#platform\/([^'"]+)['"]/g)) visit(join(root, 'dist', `${path}.js`))
    }
    for (const path of ['dist/index.js', 'dist/server/index.js', 'dist/browser/diffwave.js', ...sideEffects])
      visit(join(root, path))
    assert.deepEqual([...missing], [])
    assert.ok(seen.size > 250, `${seen.size} files`)
  })

  test('contains all types that its public types refer to', () => {
    const missing: string[] = []
    const seen = new Set<string>()
    const visit = (file: string) => {
      if (seen.has(file)) return
      seen.add(file)
      if (!existsSync(file)) missing.push(file)
      else {
        for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g)) {
          visit(join(dirname(file), `${path}.d.ts`))
        }
      }
    }
    visit(join(modules, 'diffwave/dist/index.d.ts'))
    visit(join(modules, 'diffwave/dist/browser/index.d.ts'))
    visit(join(modules, 'diffwave/dist/server/index.d.ts'))
    assert.deepEqual(missing, [])
    assert.ok(seen.size > 80, `${seen.size} files`)
  })

  describe('has types that a strict program compiles with', () => {
    const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
    const compile = (name: string, source: string, ...options: readonly string[]) => {
      const program = join(folder, name)
      writeFileSync(program, source)
      const strict = ['--ignoreConfig', '--strict', '--noEmit', '--target', 'es2022', ...options]
      const { status, stdout } = spawnSync(process.execPath, [compiler, ...strict, '--singleThreaded', program], {
        encoding: 'utf8',
        // Without the garbage collector of Go, it takes half the time.
        env: { ...process.env, GOGC: 'off' },
      })
      assert.equal(status, 0, stdout)
    }

    test('in Node.js', () => {
      const types = ['--typeRoots', inRepository('node_modules/@types'), '--types', 'node']
      compile(
        'node.mts',
        `import { Vocoder, type LoadModelOptions, type Mel } from 'diffwave'
         import { serve, type Server } from 'diffwave/server'
         export const server: Promise<Server> = serve({ models: { voice: 'speech' }, port: 0 })
         const options: LoadModelOptions = { threads: 1 }
         const vocoder = await Vocoder.load('speech', options)
         const { bands } = vocoder.config.mel
         export const mel: Mel = { data: new Float32Array(bands), bands, frames: 1 }
         // @ts-expect-error: threads are a number
         export const wrong: LoadModelOptions = { threads: 'two' }`,
        ...['--module', 'nodenext', '--lib', 'es2022', ...types],
      )
    })

    test('in a page, without the types of Node.js', () => {
      compile(
        'page.ts',
        `import { type AudioStream, playStream, type Synthesis, Vocoder, type Mel } from 'diffwave/browser'
         export const speak = async (mel: Mel) => playStream((await Vocoder.load('/models/speech')).stream(mel))
         export const file = (clip: Synthesis) => new Blob([clip.toWav(), clip.samples])
         export const hear = (clip: Synthesis, buffer: AudioBuffer) => buffer.copyToChannel(clip.samples, 0)
         export const fill = async (audio: AudioStream, buffer: AudioBuffer) => {
           for await (const piece of audio) buffer.copyToChannel(piece, 0)
         }`,
        ...['--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2022,dom', '--skipDefaultLibCheck'],
      )
    })
  })

  test('takes at most 60 MB with its dependencies', () => {
    const folders = dependencies().filter(path => existsSync(inRepository(path)))
    const nested = (path: string) => folders.some(other => path.startsWith(`${other}/node_modules/`))
    const sizes = folders.filter(path => !nested(path)).map(path => bytesOf(inRepository(path)))
    const own = bytesOf(join(modules, 'diffwave'))
    const total = own + sizes.reduce((sum, size) => sum + size, 0)
    assert.ok(sizes.length > 40 && total <= MAX_INSTALLED, `${Math.round(total / 1e6)} MB, ${folders.length} packages`)
  })
})

describe('an installation without optional packages', () => {
  test('vocodes offline, natively and in WebAssembly', () => {
    writeFileSync(join(folder, 'mel.npy'), encodeNpy({ shape: [80, 20], data: new Float32Array(80 * 20).fill(-4) }))
    for (const engine of ['auto', 'wasm']) {
      const args = ['--steps', '1', '--refine', '0', '--engine', engine, '--seed', '1', '--force']
      const { status, stderr } = diffwave('synthesize', 'mel.npy', '-o', 'speech.wav', ...args)
      assert.equal(status, 0, stderr)
      assert.equal(statSync(join(folder, 'speech.wav')).size, 44 + 2 * 256 * 20)
    }
  })

  test('serves inside a program, whose errors are those of the library', () => {
    const program = join(folder, 'embedded.mjs')
    writeFileSync(
      program,
      `import { DiffWaveError } from 'diffwave'
       import { serve } from 'diffwave/server'
       const server = await serve({ port: 0 })
       const { models } = await (await fetch(server.url + '/v1/models')).json()
       console.log(models.map(({ name }) => name).join())
       await server.close()
       const refused = await serve({ models: { gone: './gone' } }).catch(error => error)
       console.log(refused instanceof DiffWaveError, refused.code)`,
    )
    assert.equal(
      execFileSync(process.execPath, [program], { cwd: folder, encoding: 'utf8' }),
      'speech\ntrue FILE_NOT_FOUND\n',
    )
  })

  test('can be bundled by webpack into a program that reads and writes recordings', async () => {
    const entry = join(folder, 'entry.mjs')
    // With all that a model needs, for which packages may be absent.
    writeFileSync(entry, `export { loadModel } from 'diffwave'\n${programOf('diffwave')}`)
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
      webpack(
        {
          mode: 'production',
          // Without what makes a bundle small or fast, which is not the package's to test and takes most of the time.
          optimization: {
            ...{ minimize: false, concatenateModules: false, innerGraph: false, mangleExports: false },
            ...{ realContentHash: false, removeAvailableModules: false, splitChunks: false },
          },
          target: 'node20',
          entry,
          experiments: { outputModule: true },
          output: { path: join(folder, 'bundle'), filename: 'entry.mjs', library: { type: 'module' } },
          performance: false,
        },
        (error, result) => (error === null ? resolve(result) : reject(error)),
      )
    })
    assert.deepEqual(stats?.toJson({ all: false, errors: true }).errors, [])
    await runsBundle(join(folder, 'bundle', 'entry.mjs'))
  })

  test('names the package that each TensorFlow.js engine, and each model, needs', () => {
    const { stdout } = diffwave('doctor')
    for (const [backend, name] of Object.entries({
      cuda: '@tensorflow/tfjs-node-gpu',
      node: '@tensorflow/tfjs-node',
      wasm: '@tensorflow/tfjs-backend-wasm',
      cpu: '@tensorflow/tfjs-backend-cpu',
    })) {
      assert.match(stdout, new RegExp(`tensorflow:${backend}: not available: .*\\(npm install ${name}\\)`))
    }
    assert.match(stdout, /music: not installed \(npm install @diffwave\/music\)/)
    const mel = inRepository('samples/LJ001-0002.npy')
    const refused = diffwave('synthesize', mel, '-o', 'x.wav', '--engine', 'tensorflow')
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /tfjs-node-gpu \(NVIDIA GPU\), @tensorflow\/tfjs-node \(libtensorflow\)/)
  })

  test('finds models where a resolver has them, as that of Yarn Plug’n’Play', () => {
    const elsewhere = join(folder, 'elsewhere')
    mkdirSync(elsewhere)
    execFileSync('tar', ['-xzf', join(folder, music.filename), '-C', elsewhere, '--strip-components=1'])
    const hook = join(folder, 'resolver.cjs')
    writeFileSync(
      hook,
      `const Module = require('node:module')
      const resolve = Module._resolveFilename
      const dependent = ${JSON.stringify(join(folder, 'package.json'))}
      Module._resolveFilename = (request, parent, ...more) =>
        request.startsWith('@diffwave/music/') && parent.filename === dependent
          ? request.replace('@diffwave/music', ${JSON.stringify(elsewhere)})
          : resolve(request, parent, ...more)`,
    )
    const env = { ...process.env, NODE_OPTIONS: `--require=${hook}` }
    const { stdout } = spawnSync(process.execPath, [main, 'doctor'], { cwd: folder, encoding: 'utf8', env })
    assert.match(stdout, /^models: music, speech$/m)
  })

  test('says how to install the models that have their own packages, and then runs them', () => {
    const generate = ['generate', '-o', 'music.wav', '--seconds', '0.1', '--steps', '1', '--seed', '1']
    const refused = diffwave(...generate)
    assert.equal(refused.status, 2)
    assert.match(refused.stderr, /the model music is not installed.*npm install @diffwave\/music/s)
    const named = diffwave(...generate, '-m', '@diffwave/music')
    assert.equal(named.status, 2)
    assert.match(named.stderr, /npm install @diffwave\/music/)
    writeFileSync(join(modules, '@diffwave'), 'a file in the place of packages')
    assert.match(diffwave('doctor').stdout, /^models: speech$/m)
    rmSync(join(modules, '@diffwave'))
    install(music)
    assert.equal(diffwave(...generate, '-m', '@diffwave/music').status, 0)
    writeFileSync(join(modules, '@diffwave/music/weights.safetensors'), Buffer.alloc(5000))
    // It is also the default model.
    const broken = diffwave(...generate, '--force')
    assert.match(broken.stderr, /@diffwave.*weights\.safetensors/s)
    assert.equal(broken.status, 1)
  })
})

describe('a model of this project', () => {
  const names = readdirSync(inRepository('models')).filter(name =>
    existsSync(inRepository(`models/${name}/config.json`)),
  )
  const { version } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as { readonly version: string }

  for (const name of names) {
    test(`${name}: files.json lists its files (node scripts/state-files.mjs)`, async () => {
      const path = inRepository(`models/${name}`)
      assert.deepEqual(JSON.parse(readFileSync(join(path, 'files.json'), 'utf8')), await fileList(path))
    })

    if (name === 'speech') continue
    test(`${name}: its package has the same version and the licence of its weights`, () => {
      const own = JSON.parse(readFileSync(inRepository(`models/${name}/package.json`), 'utf8')) as {
        readonly name: string
        readonly version: string
        readonly license: string
      }
      const config = JSON.parse(readFileSync(inRepository(`models/${name}/config.json`), 'utf8')) as { license: string }
      assert.deepEqual([own.name, own.version, own.license], [`@diffwave/${name}`, version, config.license])
    })
  }
})
