// Where the repository lies, its TypeScript compiler, and what that one has made.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Compiles one TypeScript project. */
export function compile(project) {
  const packageFile = createRequire(import.meta.url).resolve('typescript/package.json')
  execFileSync(process.execPath, [join(dirname(packageFile), 'bin', 'tsc'), '-p', join(root, project)], {
    stdio: 'inherit',
    cwd: root,
  })
}

/** All files below a folder. */
export function entries(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
}

/** Removes what was compiled and no source makes any more, so that renamed files are neither run, found nor packed. */
export function removeOrphans(compiled, sources) {
  if (!existsSync(compiled)) return
  const made = new Set(entries(sources).map(file => file.slice(sources.length).replace(/\.ts$/, '')))
  for (const file of entries(compiled)) {
    if (!made.has(file.slice(compiled.length).replace(/(\.d\.ts|\.js)$/, ''))) rmSync(file)
  }
}
