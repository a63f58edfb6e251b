// Builds what runs from this repository: dist/ (TypeScript) and, where a C++ compiler is there, the native engine.
// Run by `npm run build` and by npm itself (`prepare`). `--if-missing` leaves what is already built and up to date.
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildNativeIfMissing } from './build-native.mjs'
import { compile, entries, removeOrphans, root } from './compile.mjs'

function newest(folder) {
  return Math.max(0, ...entries(folder).map(file => statSync(file).mtimeMs))
}

/** Builds dist/ unless `ifMissing` and it is newer than the sources, then the native engine where that is missing. */
export async function build({ ifMissing = false } = {}) {
  const [dist, sources] = [join(root, 'dist'), join(root, 'src')]
  const main = join(dist, 'index.js')
  if (!ifMissing || !existsSync(main) || newest(dist) < newest(sources)) {
    removeOrphans(dist, sources)
    compile('tsconfig.json')
  }
  await buildNativeIfMissing()
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await build({ ifMissing: process.argv.includes('--if-missing') })
