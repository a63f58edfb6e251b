/**
 * esbuild bundles the package into one program, which reads and writes recordings. So does webpack, in package.test.ts.
 * A program that loads a model must leave the package out of its bundle.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import * as esbuild from 'esbuild'
import { programOf, runsBundle } from '../support/bundled-program.js'
import { inRepository } from '../support/paths.js'

mkdirSync(inRepository('build'), { recursive: true })
const folder = mkdtempSync(inRepository('build/bundle-'))
after(() => rmSync(folder, { recursive: true }))
const entry = join(folder, 'entry.mjs')

before(() => writeFileSync(entry, programOf(inRepository('dist/index.js'))))

describe('a program that reads, resamples and writes recordings', () => {
  test('works when bundled by esbuild', async () => {
    const outfile = join(folder, 'esbuild.mjs')
    await esbuild.build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      // As esbuild's documentation asks for CommonJS packages in an ES module.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    })
    await runsBundle(outfile)
  })
})

describe('a program that loads a model', () => {
  // Elsewhere than this package, which would be found above a bundle in its own folder.
  const elsewhere = mkdtempSync(join(tmpdir(), 'diffwave-bundle-'))
  after(() => rmSync(elsewhere, { recursive: true }))
  const program = join(elsewhere, 'program.mjs')
  const bundle = join(elsewhere, 'bundle.mjs')
  /** The lines that the program prints for models and engines. */
  const run = (...args: readonly string[]) =>
    execFileSync(process.execPath, [bundle, ...args], { encoding: 'utf8', cwd: elsewhere })
      .trim()
      .split('\n')
  const options: esbuild.BuildOptions = {
    entryPoints: [program],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  }
  before(() => {
    mkdirSync(join(elsewhere, 'node_modules'))
    symlinkSync(inRepository('.'), join(elsewhere, 'node_modules/diffwave'))
    writeFileSync(
      program,
      `import { Vocoder } from 'diffwave'
const args = process.argv.slice(2)
for (let i = 0; i < args.length; i += 2) {
  await Vocoder.load(args[i], { engine: args[i + 1], threads: 1 }).then(
    vocoder => vocoder.dispose().then(() => console.log('loaded')),
    error => console.log(error.code, error.hint),
  )
}
`,
    )
  })

  test('works when esbuild leaves the package out', async () => {
    await esbuild.build({ ...options, external: ['diffwave'] })
    assert.deepEqual(run('speech', 'native'), ['loaded'])
  })

  test('says to leave the package out when it is bundled', async () => {
    const js =
      "import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);"
    await esbuild.build({ ...options, banner: { js } })
    const hint = /A bundle has no engines and no models: leave diffwave out of it/
    const path = inRepository('models/speech')
    const lines = run(path, 'auto', path, 'native', path, 'wasm', 'speech', 'auto')
    assert.equal(lines.length, 4)
    for (const line of lines) assert.match(line, hint)
  })
})
