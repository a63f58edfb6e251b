/** Parsing of metadata.csv in the forms that people write. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseMetadata, readMetadata } from '#src/audio/metadata-csv'
import { scratchFolder } from '../support/scratch.js'

const brief = (text: string) => parseMetadata(text).map(({ name, label, from }) => `${name} ${label} ${from}`)

test('parses columns however they are separated', () => {
  const cases: readonly [string, string, readonly string[]][] = [
    ['by commas', 'a.wav,cat\nb.wav,dog,1.5\n', ['a.wav cat 0', 'b.wav dog 1.5']],
    ['by bars, with commas in the text', 'a|cat|Oh, a cat.\nb|dog, big|No; not.\n', ['a cat 0', 'b dog, big 0']],
    ['by tabs', 'a.wav\tcat\nb.wav\tdog\t2\n', ['a.wav cat 0', 'b.wav dog 2']],
    ['by semicolons, with decimal commas in numbers', 'a.wav;cat\nb.wav;dog;1,5\n', ['a.wav cat 0', 'b.wav dog 1.5']],
    ['by commas, with semicolons in names', 'a; b.wav,cat\nc; d.wav,dog\n', ['a; b.wav cat 0', 'c; d.wav dog 0']],
    ['by a different separator in each line', 'a,cat\nb|dog\n', ['a cat 0', 'b dog 0']],
    ['by commas with spaces around them', ' a.wav , cat , 2 \n', ['a.wav cat 2']],
  ]
  for (const [title, text, expected] of cases) assert.deepEqual(brief(text), expected, title)
})

describe('names and labels in metadata.csv', () => {
  test('may be quoted and contain separators and doubled quotes', () => {
    assert.deepEqual(brief('"01.wav","cat"\n"a, b.wav","a ""big"" dog",3\n'), [
      '01.wav cat 0',
      'a, b.wav a "big" dog 3',
    ])
    assert.deepEqual(brief('"01.wav"|"cat"\n'), ['01.wav cat 0'])
  })

  test('may contain unbalanced quotation marks, as in LJSpeech', () => {
    const table = 'a|cat|He said "no.\nb|dog|"Yes, and left.\n"c"|" cow "|""\n'
    assert.deepEqual(brief(table), ['a cat 0', 'b dog 0', 'c cow 0'])
    // A line of nothing but quotes, in which any separator may be meant.
    assert.deepEqual(brief('\n","\uFEFF'), ['" " 0'])
  })

  test('may follow a byte order mark, with any kind of line ending', () => {
    assert.deepEqual(brief('\uFEFFa,cat\r\nb,dog\r\n'), ['a cat 0', 'b dog 0'])
    assert.deepEqual(brief('\uFEFF"a, b",cat\n'), ['a, b cat 0'])
    assert.deepEqual(brief('a,cat\rb,dog'), ['a cat 0', 'b dog 0'])
  })

  test('are required: lines that lack one are left out', () => {
    assert.deepEqual(brief('\n\na\n,cat\nb,\nc,cow\n'), ['c cow 0'])
    assert.deepEqual(brief(''), [])
  })
})

test('readMetadata reads UTF-8, UTF-16 and Windows-1252, and returns null for no file', async () => {
  const folder = scratchFolder('metadata')
  assert.equal(await readMetadata(folder), null)
  for (const bytes of [
    Buffer.from('é,cat\n'),
    Buffer.from('é,cat\r\n', 'latin1'),
    Buffer.from('\uFEFFé,cat\r\n', 'utf16le'),
    Buffer.from('\uFEFFé,cat\r\n', 'utf16le').swap16(),
  ]) {
    writeFileSync(join(folder, 'metadata.csv'), bytes)
    assert.deepEqual(await readMetadata(folder), [{ name: 'é', label: 'cat', from: 0 }])
  }
  // Bytes 0x80 to 0x9F, which Latin-1 has not, and of which Windows-1252 leaves 0x81 undefined.
  writeFileSync(join(folder, 'metadata.csv'), Buffer.from('a,\x93\xe9\x94 \x80\x81\n', 'latin1'))
  assert.deepEqual(await readMetadata(folder), [{ name: 'a', label: '“é” €\x81', from: 0 }])
  mkdirSync(join(folder, 'sub', 'metadata.csv'), { recursive: true })
  assert.equal(await readMetadata(join(folder, 'sub')), null)
})
