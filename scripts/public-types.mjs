// Writes dist/.npmignore, so that declarations that no public module refers to are not packed. They take a quarter of a
// megabyte that no editor would read. build.mjs runs this.
// usage: node scripts/public-types.mjs
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entries, root } from './compile.mjs'

const dist = join(root, 'dist')
/** The declarations that package.json names. */
const entryPoints = ['index.d.ts', 'browser/index.d.ts', 'server/index.d.ts']

/** The declarations that the entry points refer to, directly or indirectly, as paths in dist/. */
export function publicTypes() {
  const found = new Set()
  const todo = [...entryPoints]
  while (todo.length > 0) {
    const file = todo.pop()
    if (found.has(file)) continue
    found.add(file)
    const text = readFileSync(join(dist, file), 'utf8')
    for (const [, name] of text.matchAll(/(?:from|import|require)\s*\(?\s*['"](\.[^'"]+|#platform\/[^'"]+)['"]/g)) {
      const path = name.startsWith('.') ? posix.join(posix.dirname(file), name) : name.slice('#platform/'.length)
      const declaration = `${path.replace(/\.js$/, '')}.d.ts`
      if (!existsSync(join(dist, declaration))) throw new Error(`${file} refers to ${name}, which has no declarations`)
      todo.push(declaration)
    }
  }
  return found
}

/** Writes the list, once everything in dist/ is built. */
export function ignorePrivateTypes() {
  const kept = publicTypes()
  const all = entries(dist).map(path => relative(dist, path).split(sep).join('/'))
  const ignored = all.filter(path => path.endsWith('.d.ts') && !kept.has(path)).sort()
  writeFileSync(join(dist, '.npmignore'), `${ignored.map(path => `/${path}`).join('\n')}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ignorePrivateTypes()
