/** The docstrings of the public API. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inRepository } from '../support/paths.js'

const source = (file: string) => readFileSync(inRepository(`src/${file}.ts`), 'utf8')

test('every public function has a docstring with an example', () => {
  const bare: string[] = []
  let functions = 0
  for (const [, list, file] of source('index').matchAll(/^export \{([^}]*)\} from '\.\/(.*)\.js'/gm)) {
    const text = source(file!)
    for (const name of list!.match(/\w+/g)!) {
      const declaration = new RegExp(`^export (?:async )?function\\*? ${name}\\b`, 'm')
      const at = declaration.exec(text)?.index
      if (at === undefined) continue
      functions++
      const before = text.slice(0, at)
      const docstring = before.endsWith('*/\n') ? before.slice(before.lastIndexOf('/**')) : ''
      if (!docstring.includes('@example')) bare.push(name)
    }
  }
  assert.ok(functions > 30, `${functions} functions found`)
  assert.deepEqual(bare, [])
})
