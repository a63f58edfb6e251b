// Builds what runs from this repository: dist/ (TypeScript) and, where a C++ compiler is there, the native engine.
// Run by `npm run build` and by npm itself (`prepare`). `--if-missing` leaves what is already built and up to date.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildNative } from './build-native.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Compiles one TypeScript project. */
export function compile(project) {
  const packageFile = createRequire(import.meta.url).resolve('typescript/package.json')
  execFileSync(process.execPath, [join(dirname(packageFile), 'bin', 'tsc'), '-p', join(root, project)], {
    stdio: 'inherit',
    cwd: root,
  })
}

function newest(folder) {
  return Math.max(
    0,
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs),
  )
}

/** Builds dist/ unless `ifMissing` and it is newer than the sources. */
export function build({ ifMissing = false } = {}) {
  buildNative({ ifMissing: true })
  const main = join(root, 'dist', 'index.js')
  if (ifMissing && existsSync(main) && newest(join(root, 'dist')) >= newest(join(root, 'src'))) return
  compile('tsconfig.json')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build({ ifMissing: process.argv.includes('--if-missing') })
