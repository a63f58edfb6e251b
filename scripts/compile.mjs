// Where the repository lies, and its TypeScript compiler.
import { execFileSync } from 'node:child_process'
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
