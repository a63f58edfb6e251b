// Bundles zod into one file, dist/bundled/zod.js, with English as its only language, and makes dist/ import that file.
// zod itself has 75 modules, of which 52 are languages. Loading them takes a tenth of the time that the command line
// needs to make a second of sound. The types are copied beside the bundle, so that an installation does not need zod's
// 8 MB. In a clone, files that were only compiled by `tsc` import zod itself and still work.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { bundledTypes, bundledZod, compiledEntries, root } from './compile.mjs'

const original = "from 'zod'"

/** The index of zod's languages, and its replacement. */
export const zodLanguages = /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/
export const ENGLISH_ONLY = "export { default as en } from './en.js'"

/** The plugin that keeps only English. */
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

/** Copies the types of zod's version 4, with those of one language. */
function copyTypes(folder) {
  for (const part of ['classic', 'core', 'locales']) {
    const [from, to] = [join(folder, 'v4', part), join(bundledTypes, part)]
    mkdirSync(to, { recursive: true })
    const names = part === 'locales' ? ['en.d.ts'] : readdirSync(from).filter(name => name.endsWith('.d.ts'))
    for (const name of names) copyFileSync(join(from, name), join(to, name))
  }
  writeFileSync(join(bundledTypes, 'locales', 'index.d.ts'), `${ENGLISH_ONLY}\n`)
  const external = './zod/classic/external.js'
  const text = `export * from '${external}'\nimport * as z from '${external}'\nexport { z }\n`
  writeFileSync(bundledZod.replace(/\.js$/, '.d.ts'), text)
}

/** Bundles zod if the bundle is missing or outdated, and changes the compiled files that still import zod itself. */
export async function bundleZod() {
  const folder = join(root, 'node_modules', 'zod')
  const age = file => statSync(file).mtimeMs
  if (!existsSync(bundledZod) || age(bundledZod) < age(join(folder, 'package.json'))) await makeBundle(folder)
  if (!existsSync(bundledTypes) || age(bundledTypes) < age(join(folder, 'package.json'))) copyTypes(folder)
  for (const file of compiledEntries(join(root, 'dist'))) {
    if (!/\.(js|d\.ts)$/.test(file)) continue
    const text = readFileSync(file, 'utf8')
    if (!text.includes(original)) continue
    const path = relative(dirname(file), bundledZod).split(sep).join(posix.sep)
    writeFileSync(file, text.replaceAll(original, `from '${path.startsWith('.') ? path : `./${path}`}'`))
  }
}
