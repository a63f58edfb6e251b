/** Scripts, benchmarks, examples and model programs import only what the library exports. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inRepository } from '../support/paths.js'

const folders = ['bench', 'examples', 'models', 'scripts']
const programs = folders.flatMap(folder =>
  readdirSync(inRepository(folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.mjs') && !name.includes('node_modules'))
    .map(name => join(folder, name)),
)

/** Names that a program imports or destructures from a compiled module, by the module's path. */
function importsOf(program: string): readonly (readonly [string, readonly string[]])[] {
  const text = readFileSync(inRepository(program), 'utf8')
  const ways = [
    /import \{([^}]*)\} from '([^']*\/dist\/[^']*)'/g,
    /(?:const|let) \{([^}]*)\} = await import\('(\.[^']*\/dist\/[^']*)'\)/g,
  ]
  return ways.flatMap(way =>
    [...text.matchAll(way)].map(([, names, path]) => {
      const imported = names!.split(',').map(name =>
        name
          .trim()
          .split(/ as |:/)[0]!
          .trim(),
      )
      return [resolve(dirname(inRepository(program)), path!), imported.filter(name => name !== '')] as const
    }),
  )
}

test('every name that a program imports from dist/ is exported there', async () => {
  const missing: string[] = []
  let checked = 0
  for (const program of programs) {
    for (const [path, names] of importsOf(program)) {
      const exported = existsSync(path) ? ((await import(pathToFileURL(path).href)) as object) : {}
      missing.push(...names.filter(name => !(name in exported)).map(name => `${program}: ${name} of ${path}`))
      checked += names.length
    }
  }
  assert.ok(checked > 40, `${checked} names`)
  assert.deepEqual(missing, [])
})
