// Builds what runs from this repository: dist/ (TypeScript) and, where a C++ compiler is there, the native engine.
// Run by `npm run build` and by npm itself (`prepare`). `--if-missing` leaves what is already built and up to date.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildNativeIfMissing } from './build-native.mjs'
import { compile, root } from './compile.mjs'

function entries(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
}

function newest(folder) {
  return Math.max(0, ...entries(folder).map(file => statSync(file).mtimeMs))
}

/** Removes from dist/ what no source makes any more, so that renamed files are neither found nor packed. */
function clean(dist, sources) {
  if (!existsSync(dist)) return
  const made = new Set(entries(sources).map(file => file.slice(sources.length).replace(/\.ts$/, '')))
  for (const file of entries(dist)) {
    if (!made.has(file.slice(dist.length).replace(/(\.d\.ts|\.js)$/, ''))) rmSync(file)
  }
}

/** Builds dist/ unless `ifMissing` and it is newer than the sources, then the native engine where that is missing. */
export async function build({ ifMissing = false } = {}) {
  const [dist, sources] = [join(root, 'dist'), join(root, 'src')]
  const main = join(dist, 'index.js')
  if (!ifMissing || !existsSync(main) || newest(dist) < newest(sources)) {
    clean(dist, sources)
    compile('tsconfig.json')
  }
  await buildNativeIfMissing()
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await build({ ifMissing: process.argv.includes('--if-missing') })
