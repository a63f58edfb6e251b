// Compiles the code for browsers and bundles it into one ES module without imports, dist/browser/diffwave.js. The
// module contains the programs of the worker and the audio worklet, and the WebAssembly binaries. It therefore works
// with every bundler and in a plain <script type="module">, and no other file has to be copied with it.
// usage: npm run build:browser
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { englishOnly } from './bundle-zod.mjs'
import { browserBundle, browserPrograms, compile, root } from './compile.mjs'

/** These versions have WebAssembly with SIMD, modules, optional chaining and private fields. */
const target = ['chrome91', 'firefox89', 'safari16.4']

/** Modules that may import zod's `z`. `z` contains all languages of zod, 300 kB. */
export const usersOfZod = /[\\/]dist[\\/].*\.js$/
/** Replaces the import of `z` by a namespace import, of which the bundler removes unused parts. */
export const withZodInParts = text =>
  text.replace(/import \{ z \} from '(zod|[./]+bundled\/zod\.js)'/, "import * as z from 'zod'")

const zodInParts = {
  name: 'zod-in-parts',
  setup(build) {
    build.onLoad({ filter: usersOfZod }, ({ path }) => ({ contents: withZodInParts(readFileSync(path, 'utf8')) }))
    // A single module that uses `z` as a whole would include all languages again.
    englishOnly.setup(build)
  },
}

const compiled = name => join(root, 'dist', name)

/** Bundles a program without imports or exports, and returns its text. */
async function program(esbuild, entry) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [compiled(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    conditions: ['browser'],
    target,
    logLevel: 'warning',
  })
  return outputFiles[0].text
}

/** Packs the binaries, compresses them, and encodes them as base64. */
async function binaries() {
  const { packBinaries } = await import(pathToFileURL(compiled('engines/wasm/packed-binaries.js')).href)
  const read = name => readFileSync(join(root, 'prebuilds', 'wasm', `${name}.wasm`))
  const packed = packBinaries({ 'relaxed-simd': read('relaxed-simd'), simd128: read('simd128') })
  return gzipSync(packed, { level: 9 }).toString('base64')
}

/** Bundles the engine's worker into one program. The library must be compiled. */
export async function workerProgram() {
  return program(await import('esbuild'), 'browser/worker.js')
}

/** Compiles and bundles. */
export async function buildBrowser() {
  const esbuild = await import('esbuild')
  compile('tsconfig.browser.json')
  // The texts that replace the names that src/engines/wasm/page-host.browser.ts and src/browser/player.ts declare.
  const texts = {
    DIFFWAVE_WORKER: await workerProgram(),
    DIFFWAVE_BINARIES: await binaries(),
    DIFFWAVE_WORKLET: await program(esbuild, 'browser/player-worklet.js'),
  }
  writeFileSync(browserPrograms['browser/worker.js'], texts.DIFFWAVE_WORKER)
  writeFileSync(browserPrograms['browser/player-worklet.js'], texts.DIFFWAVE_WORKLET)
  await esbuild.build({
    entryPoints: [compiled('browser/index.js')],
    outfile: browserBundle,
    bundle: true,
    minify: true,
    format: 'esm',
    conditions: ['browser'],
    plugins: [zodInParts],
    define: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, JSON.stringify(text)])),
    target,
    logLevel: 'warning',
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildBrowser()
