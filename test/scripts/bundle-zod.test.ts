/** The built package has zod in one file, which provides all of zod that dist/ uses. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inRepository } from '../support/paths.js'

const bundle = inRepository('dist/bundled/zod.js')

describe('dist/bundled/zod.js', () => {
  test('validates, and reports problems in English', async () => {
    const { z } = (await import(pathToFileURL(bundle).href)) as typeof import('zod')
    const schema = z.strictObject({ count: z.number().int().min(1).default(3) })
    assert.deepEqual(schema.parse({}), { count: 3 })
    assert.match(schema.safeParse({ count: 'many' }).error!.issues[0]!.message, /expected number, received string/)
  })

  test('imports nothing, and contains the licence of zod', () => {
    const text = readFileSync(bundle, 'utf8')
    assert.match(text, /^\/\*! zod\nMIT License/)
    assert.doesNotMatch(text, /\bfrom ?["']|\brequire\(/)
  })
})
