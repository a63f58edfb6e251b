/** Addresses of the documentation. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { documentation, documentedPages } from '#src/core/documentation'
import { inRepository } from '../support/paths.js'
import { called } from '../support/process.js'

test('help texts and hints refer only to pages that exist', () => {
  for (const page of documentedPages) {
    assert.ok(existsSync(inRepository(`docs/${page}.md`)), page)
    assert.match(documentation(page), new RegExp(`^https://.*/docs/${page}\\.md$`))
  }
})

test('the help of the program and of its commands leads to the documentation', () => {
  assert.ok(called(['--help']).stdout.endsWith(`\nDocumentation: ${documentation(null)}\n`))
  assert.ok(called(['train', '--help']).stdout.endsWith(`\nGuide: ${documentation('training')}\n`))
})
