/** Labels in interop/pytorch are those of `diffwave train`, whatever a metadata.csv looks like. */
import assert from 'node:assert/strict'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { labelledFiles, partsOf } from '#src/audio/labels'
import { parseMetadata } from '#src/audio/metadata-csv'
import { DiffWaveError } from '#src/core/errors'
import { MAX_METADATA_BYTES } from '#src/core/limits'
import { uniformInteger } from '#src/core/random'
import { inRepository } from '../support/paths.js'
import { scratchFolder } from '../support/scratch.js'
import { pythonWith, runPython } from './python.js'

const python = pythonWith('unicodedata')
const skip = python === null ? 'needs Python' : false
const folder = scratchFolder('interop-labels')

/** Runs a program that may import diffwave_torch, with what it is given as `given`, and returns what it prints. */
async function evaluate(program: string, given: unknown): Promise<unknown> {
  const path = join(folder, 'given.json')
  writeFileSync(path, JSON.stringify(given))
  const start = 'import json, sys; sys.path.insert(0, sys.argv[1]); given = json.load(open(sys.argv[2], "rb"))\n'
  const args = [inRepository('interop/pytorch'), path]
  const { status, stdout, stderr } = await runPython(python!, start + program, args)
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

test('a random metadata.csv has the same cells in PyTorch', { skip }, async () => {
  const pieces =
    'a|b.wav|"|"|""|,|,|;|\t|\n|\n|\r\n|\r| |\u00A0|\u0085|\u001C|\uFEFF|\u3000|é|1|2,5|0.0000001|\0'.split('|')
  pieces.push('|', '|', '9'.repeat(22), '1234567890123456')
  const tables = Array.from({ length: 500 }, (_, table) =>
    Array.from({ length: uniformInteger(1, table, 0, 16) }, (_, i) => {
      return pieces[uniformInteger(1, table, i + 1, pieces.length)]
    }).join(''),
  )
  const program = `
from diffwave_torch.metadata_csv import parse_metadata
from diffwave_torch.number_text import number_text
entries = [[[e.name, e.label, number_text(e.start)] for e in parse_metadata(table)] for table in given]
print(json.dumps(entries))
`
  const expected = tables.map(table => parseMetadata(table).map(({ name, label, from }) => [name, label, `${from}`]))
  assert.ok(expected.flat().length > 100)
  const found = (await evaluate(program, tables)) as typeof expected
  for (const [i, table] of tables.entries()) assert.deepEqual(found[i], expected[i], JSON.stringify(table))
})

test('recordings have the same labels, notes and errors in PyTorch', { skip }, async () => {
  const files = [
    '01.wav',
    '01.flac',
    '02.wav',
    'a/01.wav',
    'b/03.WAV',
    'b/cafe\u0301.ogg',
    'c d/e, "f".mp3',
    '._02.wav',
  ]
  /** By the name of their folder. */
  const tables: Readonly<Record<string, string | Uint8Array>> = {
    'quotes and separators in names': '"c d/e, ""f""",cat\n"02.wav",\'dog\'\n',
    'quotation marks that nothing closes': '02|cat|He said "no.\n03|"Yes|no\n',
    'a byte order mark, CRLF and blank lines': '\uFEFF\r\n02.wav,cat\r\n\r\n  \r\n03,dog\r\n',
    'line ends of old Macs': '02,cat\r03,dog',
    'semicolons and decimal commas': '02;cat;0,5\n02;dog;1,25\n03;cow;2\n',
    'bars with commas in the text': '02|cat|Oh, a cat.\n03|dog, big|No; not.\n',
    tabs: '02.wav\tcat\n03.WAV\tdog\t2\n',
    'a separator that changes': '02,cat\n03|dog\n',
    'repeated and lost lines': '02,cat\n02.wav,dog\nlost,cow\nlost too,cow\n',
    'parts out of order, of any length': '02,late,1000000000000000000000000\n02,early,0.0000001\n02,dog,10\n',
    'an ending in one line': '01.wav,cat\n01.flac,dog\n03.wav,cow\n',
    'paths spelled in other ways': './/02.wav,cat\nb\\03,dog\nx/../a/./01,cow\n/set/b/café.ogg,bird\n',
    'a line that could mean several recordings': 'café,cat\nx/01.wav,dog\n',
    'two lines that could mean one recording': 'x/02,cat\ny/02,dog\n',
    'lines without labels': '02.wav\n,cat\n03,\n',
    'no line': '',
    'UTF-16, little endian': Buffer.from('\uFEFFb/café.ogg,cat\r\n', 'utf16le'),
    'UTF-16, big endian': Buffer.from('\uFEFFb/café.ogg,cat\r\n', 'utf16le').swap16(),
    'Windows-1252, with bytes that it does not define': Buffer.from('02,caf\xe9 \x80\x81\n', 'latin1'),
  }
  const folderWith = (name: string, table?: string | Uint8Array) => {
    const own = join(folder, name)
    for (const file of files) {
      mkdirSync(dirname(join(own, file)), { recursive: true })
      writeFileSync(join(own, file), '')
    }
    if (table !== undefined) writeFileSync(join(own, 'metadata.csv'), table)
    return own
  }
  const program = `
from diffwave_torch.labels import label_text, labels
from diffwave_torch.recordings import DataError
def result(folder):
    notes = []
    try:
        found = {name: label_text(parts) for name, parts in labels(folder, notes.append).items()}
        return [found, notes]
    except DataError as error:
        return str(error)
print(json.dumps([result(folder) for folder in given]))
`
  const expectedOf = async (own: string) => {
    const notes: string[] = []
    const found = await labelledFiles(own, { onNote: note => notes.push(note) }).catch((error: unknown) => error)
    if (found instanceof DiffWaveError) return found.message
    assert.ok(Array.isArray(found), String(found))
    const text = (label: Parameters<typeof partsOf>[0]) =>
      partsOf(label).map(part => (part.from === 0 ? part.label : `${part.from} ${part.label}`))
    return [Object.fromEntries(found.map(({ name, label }) => [name, text(label).join('\n')])), notes]
  }
  const folders = Object.entries(tables).map(([title, table]) => folderWith(title, table))
  folders.push(folderWith('no metadata.csv'), folderWith('a folder in its place'), folderWith('too large', ''))
  mkdirSync(join(folders.at(-2)!, 'metadata.csv'))
  truncateSync(join(folders.at(-1)!, 'metadata.csv'), MAX_METADATA_BYTES + 1)
  const found = (await evaluate(program, folders)) as unknown[]
  const expected = await Promise.all(folders.map(expectedOf))
  const tooLarge = /the file is too large, expected at most 256000000 bytes, got 256000001/
  // Only the start of the message is the same.
  assert.match(String(found.pop()), tooLarge)
  assert.match(String(expected.pop()), tooLarge)
  for (const [i, own] of folders.slice(0, -1).entries()) assert.deepEqual(found[i], expected[i], own)
})
