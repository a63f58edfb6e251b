// Compiles TypeScript into dist/, bundles zod, the command line and the module for browsers, builds the page of
// `diffwave studio` and, if a C++ compiler is installed, the native engine.
// usage: npm run build [-- --if-missing]    npm also runs it after an installation in a clone (`prepare`)
// --if-missing: skips what is already built and newer than its sources
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildBrowser } from './build-browser.mjs'
import { buildNativeIfMissing } from './build-native.mjs'
import { buildStudio } from './build-studio.mjs'
import { bundleCli } from './bundle-cli.mjs'
import { bundleZod } from './bundle-zod.mjs'
import { browserBundle, compile, compiledEntries, removeOrphans, root } from './compile.mjs'
import { ignorePrivateTypes } from './public-types.mjs'
import { stripComments } from './strip-comments.mjs'

/** Time of the last change below a folder, in milliseconds. */
function newest(folder) {
  return Math.max(0, ...compiledEntries(folder).map(file => statSync(file).mtimeMs))
}

/** Builds dist/ and the native engine. @param ifMissing skip dist/ if it is newer than the sources */
export async function build({ ifMissing = false } = {}) {
  const [dist, sources] = [join(root, 'dist'), join(root, 'src')]
  const main = join(dist, 'index.js')
  const stale = !existsSync(main) || newest(dist) < newest(sources)
  if (!ifMissing || stale) {
    removeOrphans(dist, sources)
    compile('tsconfig.json')
  }
  const binaries = join(root, 'prebuilds', 'wasm')
  const bundled = existsSync(browserBundle) ? statSync(browserBundle).mtimeMs : 0
  if (!ifMissing || stale || bundled < Math.max(newest(sources), newest(binaries))) await buildBrowser()
  await buildStudio({ ifMissing })
  await bundleZod()
  await bundleCli()
  stripComments()
  ignorePrivateTypes()
  await buildNativeIfMissing()
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await build({ ifMissing: process.argv.includes('--if-missing') })
