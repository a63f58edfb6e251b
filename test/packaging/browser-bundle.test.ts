/** `diffwave/browser` works in bundlers without configuration: the bundle is small, uses no Node.js and makes sound. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as esbuild from 'esbuild'
import { build as viteBuild } from 'vite'
import webpack from 'webpack'
import { wasmInstructionSets } from '#src/engines/wasm/host'
import { packBinaries, unpackBinary } from '#src/engines/wasm/packed-binaries'
import { noBrowser, openPage } from '../support/chromium.js'
import { golden, inRepository } from '../support/paths.js'
import { serveFolders } from '../support/web-server.js'

/** Bytes of all that a page loads but the model, compressed by gzip. */
const MAX_BYTES = 300_000

mkdirSync(inRepository('build'), { recursive: true })
const folder = mkdtempSync(inRepository('build/page-'))
after(() => rmSync(folder, { recursive: true }))
const entry = join(folder, 'page.js')

mkdirSync(join(folder, 'node_modules'))
symlinkSync(inRepository(''), join(folder, 'node_modules/diffwave'))
writeFileSync(
  entry,
  `import { Vocoder } from 'diffwave/browser'
import { DiffWaveError } from 'diffwave'
const data = new Float32Array(80 * 8).fill(-4)
globalThis.made = Vocoder.load('/model')
  .then(vocoder => vocoder.synthesize({ data, bands: 80, frames: 8 }, { seed: 1 }))
  .then(({ samples }) => samples.length, error => error instanceof DiffWaveError ? error.message : String(error))
`,
)
const html = '<!doctype html><title>page</title><link rel="icon" href="data:,"><script type="module" src="'
writeFileSync(join(folder, 'index.html'), `${html}./page.js"></script>`)

/** Looks at a bundle, and runs it. @param output folder of what a bundler wrote */
async function runs(output: string): Promise<void> {
  const names = readdirSync(output, { recursive: true, encoding: 'utf8' })
  const scripts = names.filter(name => name.endsWith('.js'))
  let size = 0
  for (const name of scripts) {
    const code = readFileSync(join(output, name))
    assert.doesNotMatch(code.toString(), /["'](node:\w+|fs|path|worker_threads|os)["']/)
    size += gzipSync(code).length
  }
  assert.ok(size > 50_000 && size <= MAX_BYTES, `${size} bytes`)
  if (noBrowser !== false) return
  const { url } = await serveFolders({ folders: { '/model': golden('pytorch-windows'), '/': output } })
  const { page, errors } = await openPage(`${url}/index.html`)
  assert.equal(await page.evaluate('globalThis.made'), 8 * 256)
  assert.deepEqual(
    errors.filter(error => !/404/.test(error)),
    [],
  )
}

describe('a page that vocodes with the package', () => {
  test('works when bundled by esbuild', async () => {
    const output = join(folder, 'esbuild')
    await esbuild.build({ entryPoints: [entry], outdir: output, bundle: true, minify: true, format: 'esm' })
    writeFileSync(join(output, 'index.html'), readFileSync(join(folder, 'index.html')))
    await runs(output)
  })

  test('works when bundled by Vite', async () => {
    const outDir = join(folder, 'vite')
    await viteBuild({ configFile: false, root: folder, logLevel: 'error', build: { outDir } })
    await runs(outDir)
  })

  test('works when bundled by webpack', async () => {
    const path = join(folder, 'webpack')
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
      webpack(
        {
          mode: 'production',
          // Without what makes a bundle small or fast, which is not the package's to test and takes most of the time.
          optimization: {
            ...{ minimize: false, concatenateModules: false, innerGraph: false, mangleExports: false },
            ...{ realContentHash: false, removeAvailableModules: false, splitChunks: false },
          },
          entry,
          performance: false,
          output: { path, filename: 'page.js' },
        },
        (error, result) => (error === null ? resolve(result) : reject(error)),
      )
    })
    assert.deepEqual(stats?.toJson({ all: false, errors: true }).errors, [])
    writeFileSync(join(path, 'index.html'), readFileSync(join(folder, 'index.html')))
    await runs(path)
  })
})

test('unpackBinary returns the binaries that packBinaries packed', () => {
  const read = (name: string) => new Uint8Array(readFileSync(inRepository(`prebuilds/wasm/${name}.wasm`)))
  const binaries = { 'relaxed-simd': read('relaxed-simd'), simd128: read('simd128') }
  const packed = packBinaries(binaries)
  assert.ok(packed.length < 0.8 * (binaries['relaxed-simd'].length + binaries.simd128.length))
  for (const name of wasmInstructionSets) assert.deepEqual(unpackBinary(packed, name), binaries[name])
})
