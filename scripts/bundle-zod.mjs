// Bundles zod into one file, dist/bundled/zod.js, without its languages but English, and lets dist/ import that. zod
// itself is 75 modules, 52 of them languages, which take a tenth of the time that the command line needs to make a
// second of sound. Its types are copied beside the bundle, so that an installation does without its 8 MB. Compiled
// files that were not treated (`tsc` alone) run all the same in a clone.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { bundledTypes, bundledZod, compiledEntries, root } from './compile.mjs'

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

/** Bundles zod if that is missing or older than zod, and treats the compiled files that still import zod itself. */
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
