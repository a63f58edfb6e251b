// Bundles zod into one file, dist/bundled/zod.js, without its languages but English, and lets dist/ import that. zod
// itself is 75 modules, 52 of them languages, which take a tenth of the time that the command line needs to make a
// second of sound. Compiled files that were not treated (`tsc` alone) run all the same.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { bundledZod, compiledEntries, root } from './compile.mjs'

const original = "from 'zod'"

/** zod's index of languages, and what stands for it. */
export const zodLanguages = /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/
export const ENGLISH_ONLY = "export { default as en } from './en.js'"

/** zod with English alone. */
export const englishOnly = {
  name: 'english-only',
  setup(build) {
    build.onLoad({ filter: zodLanguages }, ({ path }) => ({ contents: ENGLISH_ONLY, resolveDir: dirname(path) }))
  },
}

async function makeBundle(folder) {
  const esbuild = await import('esbuild')
  const licence = readFileSync(join(folder, 'LICENSE'), 'utf8').trim()
  mkdirSync(dirname(bundledZod), { recursive: true })
  await esbuild.build({
    stdin: { contents: `export * ${original}`, resolveDir: root },
    outfile: bundledZod,
    banner: { js: `/*! zod\n${licence}\n*/` },
    plugins: [englishOnly],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  })
}

/** Bundles zod if that is missing or older than zod, and treats the compiled files that still import zod itself. */
export async function bundleZod() {
  const folder = join(root, 'node_modules', 'zod')
  const age = file => statSync(file).mtimeMs
  if (!existsSync(bundledZod) || age(bundledZod) < age(join(folder, 'package.json'))) await makeBundle(folder)
  for (const file of compiledEntries(join(root, 'dist'))) {
    if (!file.endsWith('.js')) continue
    const text = readFileSync(file, 'utf8')
    if (!text.includes(original)) continue
    const path = relative(dirname(file), bundledZod).split(sep).join(posix.sep)
    writeFileSync(file, text.replaceAll(original, `from '${path.startsWith('.') ? path : `./${path}`}'`))
  }
}
