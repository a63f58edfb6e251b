/** The check of line lengths and links (scripts/check-text.mjs). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { inRepository } from '../support/paths.js'

interface CheckText {
  longLines(
    text: string,
    options?: { readonly markdown?: boolean },
  ): { readonly line: number; readonly columns: number }[]
  linkTargets(text: string): { readonly target: string; readonly line: number }[]
  anchors(text: string): Set<string>
}
const { anchors, linkTargets, longLines } = (await import(
  pathToFileURL(inRepository('scripts/check-text.mjs')).href
)) as CheckText

const url = `https://example.org/${'a'.repeat(200)}`

describe('line length', () => {
  test('may be 120 columns, but not 121', () => {
    assert.deepEqual(longLines(`${'x'.repeat(120)}\n${'y'.repeat(121)}\n`), [{ line: 2, columns: 121 }])
  })

  test('is counted in characters, not in bytes or UTF-16 units', () => {
    assert.deepEqual(longLines('ε'.repeat(120)), [])
    assert.deepEqual(longLines('𝄞'.repeat(121)), [{ line: 1, columns: 121 }])
  })

  test('leaves out URLs and link targets', () => {
    assert.deepEqual(longLines(`see ${url} and [the card](${'../'.repeat(60)}README.md)`), [])
    assert.equal(longLines(`${'x'.repeat(118)} ${url} z`).length, 1)
  })

  test('is not limited in table rows of Markdown', () => {
    const row = `| ${'x'.repeat(130)} |`
    assert.deepEqual(longLines(row, { markdown: true }), [])
    assert.equal(longLines(row).length, 1)
  })
})

describe('links in Markdown', () => {
  test('are found with their lines, in Markdown, reference and HTML form', () => {
    const text = '[a](one.md)\n![b](two.png "title")\n<img src="three.png">\n[c]: four.md#part\n'
    assert.deepEqual(
      linkTargets(text).toSorted((a, b) => a.line - b.line),
      [
        { target: 'one.md', line: 1 },
        { target: 'two.png', line: 2 },
        { target: 'three.png', line: 3 },
        { target: 'four.md#part', line: 4 },
      ],
    )
  })

  test('are not searched for in code', () => {
    assert.deepEqual(linkTargets('`[a](one.md)`\n\n```js\nf[0](two)\n```\n\n[b](three.md)\n'), [
      { target: 'three.md', line: 7 },
    ])
  })

  test('may lead to the anchors that GitHub makes of headings', () => {
    const text = '# A title: `code` & more\n## Again\n## Again\n```\n# not a heading\n```\n<a id="own"></a>\n'
    assert.deepEqual([...anchors(text)], ['a-title-code--more', 'again', 'again-1', 'own'])
  })
})
